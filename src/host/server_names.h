// The servers that are known by name: resolves each when its schedule says so, and tells what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/endpoint.h"
#include "host/name_schedule.h"
#include "net/loop.h"

namespace bamgate::host {

class ServerNames {
 public:
  /// At most one address of each family.
  using Found = std::function<void(const std::vector<Endpoint>& endpoints)>;

  explicit ServerNames(net::Loop& loop) : loop_(loop), timer_(loop) {}
  ServerNames(const ServerNames&) = delete;
  ServerNames& operator=(const ServerNames&) = delete;
  ~ServerNames() { clear(); }

  /// `found` is called from the loop with each answer. `what` is for the log, as in "STUN server".
  void add(std::string what, std::string host, std::uint16_t port, Found found);
  /// Nothing more is told of that one, or of all.
  void remove(const std::string& what, const std::string& host, std::uint16_t port);
  void clear();
  /// The network or the configuration has changed.
  void ask_again();
  /// One of the servers does not answer.
  void doubt();
  bool empty() const { return names_.empty(); }

 private:
  struct Name {
    std::string what;
    std::string host;
    std::uint16_t port;
    Found found;
    NameSchedule schedule = {};
    bool told = false;  // the log has told that it cannot be resolved
    bool gone = false;
  };
  void run();
  asio::awaitable<void> resolve(std::shared_ptr<Name> name);

  net::Loop& loop_;
  net::Timer timer_;
  std::vector<std::shared_ptr<Name>> names_;
};

}  // namespace bamgate::host
