// A recorded session with a hub (tests/vectors/hub_session.txt) and its replay: what the hub says today must be, byte
// for byte, what was recorded. What the hub draws at random stands in the record as a name. The lines of a record:
//
//   # …                                  a remark
//   token USES TTL_S                     `bamgate hub token`
//   advance SECONDS                      time passes
//   http METHOD TARGET BEARER BODY       a request; "-" for no bearer or no body
//   open SOCKET BEARER                   GET /connect
//   text SOCKET TEXT                     a message to the hub
//   close SOCKET                         the device's connection ends
//   = …                                  what the hub answers: a reply, "open", the join token
//   SOCKET< …                            what the hub sends to that socket
//   SOCKET closed CODE REASON            the hub closes it
#pragma once

#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "hub_fixture.h"

namespace bamgate::hub {

/// Gives what differs from hub to hub a name, such as "<device_id 1>", and knows what a name stands for.
class Names {
 public:
  /// Looks for random values among the fields of a reply or message.
  void learn(const json::Value& value) {
    if (const auto* list = value.as_array()) {
      for (const json::Value& entry : *list) learn(entry);
    }
    if (value.as_object() == nullptr) return;
    for (const auto& [key, member] : *value.as_object()) {
      if (const auto* text = member.as_string(); text != nullptr && is_random(key)) learn(key, *text);
      learn(member);
    }
  }
  void learn(std::string_view kind, const std::string& value) {
    if (value.empty() || std::ranges::any_of(known_, [&](const auto& one) { return one.second == value; })) return;
    const std::string name = "<" + std::string(kind) + " " + std::to_string(++counts_[std::string(kind)]) + ">";
    known_.emplace_back(name, value);
  }
  std::string hide(std::string text) const {
    for (const auto& [name, value] : known_) text = replace(std::move(text), value, name);
    return text;
  }
  std::string fill_in(std::string text) const {
    for (const auto& [name, value] : known_) text = replace(std::move(text), name, value);
    return text;
  }

 private:
  static bool is_random(std::string_view key) {
    constexpr std::string_view kRandom[] = {"device_id",  "access_token", "refresh_token", "turn_secret",
                                            "join_token", "address6",     "token_id"};
    return std::ranges::find(kRandom, key) != std::end(kRandom);
  }
  static std::string replace(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
    return text;
  }

  std::vector<std::pair<std::string, std::string>> known_;  // in the order of their first appearance
  std::map<std::string, int> counts_;
};

/// Carries out the commands of a record and writes the record anew, with what the hub says now.
class SessionScript : public HubTest {
 protected:
  std::string replay(const std::string& record) {
    std::istringstream lines(record);
    for (std::string line; std::getline(lines, line);) {
      const bool said_by_hub = line.starts_with("= ") || line.contains("< ") || line.contains(" closed ");
      if (line.starts_with('#') || line.empty()) {
        said_ += line + "\n";
      } else if (is_command(line) || !said_by_hub) {
        said_ += line + "\n";
        run(names_.fill_in(line));
      }
    }
    return said_;
  }

 private:
  static bool is_command(std::string_view line) {
    return line.starts_with("http ") || line.starts_with("text ") || line.starts_with("open ");
  }

  void run(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what == "token") return token(words);
    if (what == "http") return http(words);
    if (what == "advance") {
      std::int64_t seconds = 0;
      words >> seconds;
      advance(std::chrono::seconds(seconds));
      hub->on_timer(now, unix_now);
      return collect();
    }
    std::string socket;
    words >> socket;
    if (what == "open") return open_socket(socket, words);
    const ConnectionId id = sockets_.at(socket);
    if (what == "text") hub->on_text(now, unix_now, id, rest(words));
    if (what == "close") hub->on_close(now, unix_now, id);
    collect();
  }

  static std::string rest(std::istringstream& words) {
    std::string text;
    std::getline(words >> std::ws, text);
    return text;
  }

  void say(const std::string& line) { said_ += names_.hide(line) + "\n"; }

  void say_reply(const HttpReply& reply) {
    if (const auto value = json::parse(reply.body)) names_.learn(*value);
    const std::string wait = reply.retry_after_s == 0 ? "" : " Retry-After " + std::to_string(reply.retry_after_s);
    say("= " + std::to_string(reply.status) + wait + " " + reply.body);
  }

  void token(std::istringstream& words) {
    std::int64_t uses = 0;
    std::int64_t ttl_s = 0;
    words >> uses >> ttl_s;
    const std::string made = join_token(uses, ttl_s);
    names_.learn("join_token", made);
    say("= " + made);
  }

  void http(std::istringstream& words) {
    std::string method;
    std::string target;
    std::string bearer;
    words >> method >> target >> bearer;
    const std::string body = rest(words);
    const std::string authorization = bearer == "-" ? "" : "Bearer " + bearer;
    say_reply(on_http({method, target, authorization, body == "-" ? "" : std::string_view(body), client}));
    collect();
  }

  void open_socket(const std::string& socket, std::istringstream& words) {
    std::string bearer;
    words >> bearer;
    const auto id = static_cast<ConnectionId>(++last_connection);
    sockets_[socket] = id;
    labels_[id] = socket;
    const std::string authorization = "Bearer " + bearer;
    const auto refused = hub->on_open(now, unix_now, id, {"GET", "/connect", authorization, {}, client});
    refused ? say_reply(*refused) : say("= open");
    collect();
  }

  void collect() {
    while (auto effect = hub->poll_effect()) {
      if (const auto* text = std::get_if<SendText>(&*effect)) {
        hear(text->connection, text->text);
      } else if (const auto* broadcast = std::get_if<Broadcast>(&*effect)) {
        for (const ConnectionId id : broadcast->connections) hear(id, broadcast->text);
      } else if (const auto* close = std::get_if<Close>(&*effect)) {
        const auto code = std::to_string(static_cast<unsigned>(close->code));
        say(labels_[close->connection] + " closed " + code + " " + std::string(close->reason));
      }
    }
  }

  void hear(ConnectionId id, const std::string& text) {
    if (const auto value = json::parse(text)) names_.learn(*value);
    say(labels_[id] + "< " + text);
  }

  Names names_;
  std::string said_;
  std::map<std::string, ConnectionId> sockets_;
  std::map<ConnectionId, std::string> labels_;
};

}  // namespace bamgate::hub
