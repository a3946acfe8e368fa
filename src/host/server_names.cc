#include "host/server_names.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "net/clock.h"
#include "net/resolve.h"

namespace bamgate::host {
namespace {

constexpr auto kPatience = std::chrono::seconds(3);

}  // namespace

void ServerNames::add(std::string what, std::string host, std::uint16_t port, Found found) {
  names_.push_back(std::make_shared<Name>(Name{std::move(what), std::move(host), port, std::move(found)}));
  run();
}

void ServerNames::remove(const std::string& what, const std::string& host, std::uint16_t port) {
  std::erase_if(names_, [&](const auto& name) {
    const bool is_it = name->what == what && name->host == host && name->port == port;
    name->gone = name->gone || is_it;
    return is_it;
  });
}

void ServerNames::clear() {
  for (const auto& name : names_) name->gone = true;
  names_.clear();
  timer_.cancel();
}

void ServerNames::ask_again() {
  for (const auto& name : names_) name->schedule.ask_again(net::now());
  run();
}

void ServerNames::doubt() {
  for (const auto& name : names_) name->schedule.doubt(net::now());
  run();
}

void ServerNames::run() {
  Instant next = kNever;
  for (const auto& name : names_) {
    if (name->schedule.next() <= net::now()) {
      name->schedule.asked(net::now());
      loop_.spawn(resolve(name));
    }
    next = std::min(next, name->schedule.next());
  }
  timer_.expires_at(next, [this] { run(); });
}

// `name` knows whether this object still wants to hear of it.
asio::awaitable<void> ServerNames::resolve(std::shared_ptr<Name> name) {
  const auto endpoints = co_await net::resolve(loop_, name->host, name->port, net::now() + kPatience);
  if (name->gone) co_return;
  if (endpoints) {
    name->schedule.answered(net::now());
    name->told = false;
    name->found(net::one_of_each_family(*endpoints));
  } else {
    name->schedule.failed(net::now());
    spdlog::log(std::exchange(name->told, true) ? spdlog::level::debug : spdlog::level::info,
                "{} {} is left out for now: {}", name->what, name->host, endpoints.error().detail);
  }
  if (!name->gone) run();
}

}  // namespace bamgate::host
