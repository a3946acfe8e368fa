#include "lab/steps.h"

#include <chrono>
#include <utility>

#include "json/write.h"
#include "net/clock.h"
#include "os/answer.h"

namespace bamgate::lab {
namespace {

struct KindWords {
  const char* sign;
  const char* name;
};

KindWords words(StepKind kind) {
  switch (kind) {
    case StepKind::kSent:
      return {"->", "sent"};
    case StepKind::kReceived:
      return {"<-", "received"};
    case StepKind::kEvent:
      return {" *", "event"};
    case StepKind::kDropped:
      return {" !", "dropped"};
    case StepKind::kResult:
      return {" =", "result"};
  }
  std::unreachable();
}

}  // namespace

Steps::Steps(std::FILE* out, bool json) : out_(out), json_(json), begin_(net::now()) {}

void Steps::say(StepKind kind, const inspect::Description& step, json::Object extra) {
  const double seconds = std::chrono::duration<double>(net::now() - begin_).count();
  if (json_) {
    json::Value line(json::Object{{"at_s", seconds}, {"step", words(kind).name}, {"text", step.text}});
    if (!step.section.empty()) line.set("section", step.section);
    for (auto& [key, value] : extra) line.set(key, std::move(value));
    std::fprintf(out_, "%s\n", json::write(line).c_str());
  } else {
    std::fprintf(out_, "%9.3f s %s %s", seconds, words(kind).sign, step.text.c_str());
    if (!step.section.empty()) {
      std::fprintf(out_, "  [%.*s]", static_cast<int>(step.section.size()), step.section.data());
    }
    std::fputc('\n', out_);
  }
  // What goes to stderr is for whoever looks on; an answer that is lost ends the tool.
  if (out_ == stdout) {
    os::flush_answer(out_);
  } else {
    std::fflush(out_);
  }
}

void Steps::message(StepKind kind, const std::string& endpoint, const inspect::Description& step) {
  const char* way = kind == StepKind::kSent ? "to " : "from ";
  say(kind, {way + endpoint + ": " + step.text, step.section}, {{"endpoint", endpoint}});
}

}  // namespace bamgate::lab
