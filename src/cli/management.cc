#include "cli/management.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <vector>

#include "cli/output.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "core/device_name.h"
#include "json/write.h"
#include "net/clock.h"

namespace bamgate::cli {
namespace {

using host::DeviceEntry;
using host::ListedToken;

/// A clock that was wrong may have put it into the future.
std::string span(std::int64_t seconds) {
  return human_duration(static_cast<double>(std::max<std::int64_t>(seconds, 0)));
}

std::string ago(std::optional<std::int64_t> unix_seconds) {
  if (!unix_seconds) return "never";
  return span(net::unix_now().seconds - *unix_seconds) + " ago";
}

std::string state_of(const DeviceEntry& device) {
  if (device.revoked) return "revoked";
  if (device.online) return "online";
  return device.expired ? "expired" : "offline";
}

void print_devices(const std::vector<DeviceEntry>& devices, const std::string& own_id) {
  const bool colour = use_colour(STDOUT_FILENO);
  Table table({"NAME", "ADDRESS", "ROLE", "STATE", "LAST SEEN", "ID"});
  for (const DeviceEntry& device : devices) {
    const std::string state = state_of(device);
    const Colour kind = state == "online"                          ? Colour::kGood
                        : state == "revoked" || state == "expired" ? Colour::kBad
                                                                   : Colour::kNone;
    table.add_row({device.name + (device.id == own_id ? " (this device)" : ""),
                   device.address.substr(0, device.address.find('/')), device.role, paint(state, kind, colour),
                   device.online ? "now" : ago(device.last_seen_at), device.id});
  }
  std::fputs(table.to_string().c_str(), stdout);
}

void print_devices_json(const std::vector<DeviceEntry>& devices) {
  json::Array list;
  for (const DeviceEntry& device : devices) {
    list.push_back(
        json::Object{{"device_id", device.id},
                     {"device_name", device.name},
                     {"address", device.address},
                     {"created_at", device.created_at},
                     {"last_seen_at", device.last_seen_at ? json::Value(*device.last_seen_at) : json::Value()},
                     {"revoked", device.revoked},
                     {"online", device.online},
                     {"role", device.role},
                     {"expired", device.expired}});
  }
  std::printf("%s\n", json::write(json::Object{{"devices", std::move(list)}}).c_str());
}

void print_tokens(const std::vector<ListedToken>& tokens) {
  Table table({"ID", "FOR", "ROLE", "USES LEFT", "MADE BY", "MADE", "ENDS"});
  for (const ListedToken& token : tokens) {
    table.add_row({token.id, token.name.empty() ? "any name" : token.name, token.role, std::to_string(token.uses_left),
                   token.made_by, ago(token.created_at), "in " + span(token.expires_at - net::unix_now().seconds)});
  }
  std::fputs(table.to_string().c_str(), stdout);
}

void print_tokens_json(const std::vector<ListedToken>& tokens) {
  json::Array list;
  for (const ListedToken& token : tokens) {
    list.push_back(json::Object{{"token_id", token.id},
                                {"made_by", token.made_by},
                                {"role", token.role},
                                {"name", token.name.empty() ? json::Value() : json::Value(token.name)},
                                {"uses_left", token.uses_left},
                                {"created_at", token.created_at},
                                {"expires_at", token.expires_at}});
  }
  std::printf("%s\n", json::write(json::Object{{"tokens", std::move(list)}}).c_str());
}

/// One run of a command, with what it was asked and by whom.
class Managing {
 public:
  Managing(const Management& what, const AskHub& ask, const std::string& own_id, const std::string& words)
      : what_(what), ask_(ask), own_id_(own_id), words_(words) {}

  std::expected<void, Failure> go() {
    switch (what_.action) {
      case Management::Action::kList:
        return list();
      case Management::Action::kRevoke:
        return revoke();
      case Management::Action::kForget:
        return forget();
      case Management::Action::kRenew:
        return change("renew", json::Value(), "is let in again: it may take some time until it asks");
      case Management::Action::kRename:
        return rename();
      case Management::Action::kTokens:
        return tokens();
      case Management::Action::kWithdraw:
        return withdraw();
    }
    return {};
  }

 private:
  std::expected<std::vector<DeviceEntry>, Failure> devices() {
    const auto reply = ask_("GET", "/auth/devices", json::Value());
    if (!reply) return std::unexpected(reply.error());
    return host::read_devices(*reply);
  }

  /// Those that are meant: one id, or whatever has this name and is (not) revoked.
  std::expected<std::vector<DeviceEntry>, Failure> find(bool revoked) {
    auto all = devices();
    if (!all) return all;
    std::vector<DeviceEntry> meant;
    bool is_other = false;
    for (DeviceEntry& device : *all) {
      if (device.id != what_.which && device.name != what_.which) continue;
      if (device.id == what_.which || device.revoked == revoked) {
        meant.push_back(std::move(device));
      } else {
        is_other = true;
      }
    }
    if (!meant.empty()) return meant;
    std::string text = "there is no device '" + what_.which + "'";
    if (is_other) text = "'" + what_.which + (revoked ? "' is not revoked" : "' was revoked");
    return std::unexpected(Failure{ExitCode::kFailed, text + ": '" + list_words() + "' lists the devices"});
  }

  std::string list_words() const { return own_id_.empty() ? words_ + " devices" : words_; }

  std::expected<void, Failure> list() {
    const auto all = devices();
    if (!all) return std::unexpected(all.error());
    what_.json ? print_devices_json(*all) : print_devices(*all, own_id_);
    return {};
  }

  /// True when a person, or --yes, wants it.
  std::expected<bool, Failure> confirmed(const DeviceEntry& device) {
    if (what_.yes) return true;
    const bool is_own = device.id == own_id_;
    const auto answer =
        cli::ask("Revoke '" + device.name + "' (" + device.address + (is_own ? "), this very device" : ")") +
                     "? It loses its connections at once and must be set up anew. [y/N] ",
                 "revoking asks back, and there is no terminal to ask on: add --yes to do it at once");
    if (!answer) return std::unexpected(answer.error());
    return *answer == "y" || *answer == "Y" || *answer == "yes";
  }

  std::expected<void, Failure> revoke() {
    const auto found = find(false);
    if (!found) return std::unexpected(found.error());
    const DeviceEntry& device = found->front();
    if (device.revoked) {
      std::fprintf(stderr, "'%s' was revoked before\n", device.name.c_str());
      return {};
    }
    const auto sure = confirmed(device);
    if (!sure) return std::unexpected(sure.error());
    if (!*sure) return std::unexpected(Failure{ExitCode::kFailed, "nothing was revoked"});
    const auto done = ask_("DELETE", "/auth/devices/" + device.id, json::Value());
    if (!done) return std::unexpected(done.error());
    std::fprintf(stderr, "'%s' is revoked, and the join strings that it made have ended\n", device.name.c_str());
    return {};
  }

  std::expected<void, Failure> forget() {
    const auto found = find(true);
    if (!found) return std::unexpected(found.error());
    for (const DeviceEntry& device : *found) {
      const auto done = ask_("POST", "/auth/devices/" + device.id + "/forget", json::Value());
      if (!done) return std::unexpected(done.error());
    }
    std::fprintf(stderr, "'%s' is forgotten: any device may have that name now\n", found->front().name.c_str());
    return {};
  }

  std::expected<void, Failure> change(const std::string& action, const json::Value& body, const std::string& said) {
    const auto found = find(false);
    if (!found) return std::unexpected(found.error());
    const auto done = ask_("POST", "/auth/devices/" + found->front().id + "/" + action, body);
    if (!done) return std::unexpected(done.error());
    std::fprintf(stderr, "'%s' %s\n", found->front().name.c_str(), said.c_str());
    return {};
  }

  std::expected<void, Failure> rename() {
    if (!is_device_name(what_.rename)) {
      return std::unexpected(
          Failure{ExitCode::kUsage, "'" + what_.rename + "' is no device name: use a to z, 0 to 9 and '-'"});
    }
    return change("rename", json::Object{{"device_name", what_.rename}}, "is called '" + what_.rename + "' now");
  }

  std::expected<void, Failure> tokens() {
    const auto reply = ask_("GET", "/auth/tokens", json::Value());
    if (!reply) return std::unexpected(reply.error());
    const auto all = host::read_tokens(*reply);
    if (!all) return std::unexpected(all.error());
    what_.json ? print_tokens_json(*all) : print_tokens(*all);
    return {};
  }

  std::expected<void, Failure> withdraw() {
    const bool is_id = !what_.which.empty() && std::ranges::all_of(what_.which, [](char character) {
      return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'f');
    });
    const Failure unknown{ExitCode::kFailed, "there is no join string with the id '" + what_.which + "': '" + words_ +
                                                 " tokens' lists them"};
    if (!is_id) return std::unexpected(unknown);
    const auto done = ask_("DELETE", "/auth/tokens/" + what_.which, json::Value());
    if (!done && done.error().fault.code == "not_found") return std::unexpected(unknown);
    if (!done) return std::unexpected(done.error());
    std::fprintf(stderr, "the join string %s lets nobody in any more\n", what_.which.c_str());
    return {};
  }

  const Management& what_;
  const AskHub& ask_;
  const std::string& own_id_;
  const std::string& words_;
};

}  // namespace

ExitCode manage(const Management& what, const AskHub& ask, const std::string& own_id, const std::string& words) {
  const auto done = Managing(what, ask, own_id, words).go();
  return done ? ExitCode::kDone : fail(done.error().code, done.error().text);
}

}  // namespace bamgate::cli
