// Which connection a datagram belongs to, now that all of them share the sockets of the device: by the ufrag in a check
// (RFC 8445 §7.3: USERNAME is ours, a colon, theirs), and by the path on which it came.
// Only what was authenticated, or what we ourselves sent, makes an entry, so strangers cannot fill the tables; and each
// connection has its own entries for a path, so that nobody can take those of another.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/endpoint.h"

namespace bamgate::agent {

/// One try to connect to one peer. What belongs to it ends with it: its ufrag and its paths lead nowhere then, so that
/// a packet of an old session can never reach a new one as if it were its own.
enum class AttemptId : std::uint32_t {};

/// How well a connection has shown that a path is its own; each is worth more than those before it.
enum class Claim : std::uint8_t {
  kAsked,    // we have sent a check there, so an answer may come
  kChecked,  // an authenticated check of its peer came from there
  kProven,   // its peer has answered a check of ours from there
};

class Directory {
 public:
  struct Owner {
    AttemptId attempt;
    Claim claim;
  };

  /// Paths of one connection: all pairs that ICE can have at a time, and some of before.
  static constexpr std::size_t kMaxPaths = 128;

  void add(AttemptId attempt, const std::vector<std::string>& ufrags);
  void remove(AttemptId attempt);
  /// These are its ufrags now, and no others (an ICE restart adds one, and its end takes one away).
  void set_ufrags(AttemptId attempt, const std::vector<std::string>& ufrags);
  /// Its claims on paths for which `is_used` does not hold end, so that restarts cannot use up its bound.
  template <typename IsUsed>
  void keep_paths(AttemptId attempt, IsUsed is_used) {
    const auto found = connections_.find(attempt);
    if (found == connections_.end()) return;
    std::erase_if(found->second.paths, [&](const Path& path) {
      if (is_used(path)) return false;
      disown(path, attempt);
      return true;
    });
  }
  /// The socket is gone, and all paths that begin there.
  void remove(SocketId socket);
  /// A claim that is there never becomes a weaker one. False when the connection has too many paths.
  bool claim(AttemptId attempt, const Path& path, Claim claim);

  /// `username` as in a check that came in.
  std::optional<AttemptId> find_username(std::string_view username) const;
  /// The best claims first and of equal ones the newest connection; valid until something changes.
  const std::vector<Owner>& owners(const Path& path) const;

  std::size_t connections() const { return connections_.size(); }
  std::size_t paths() const { return owners_.size(); }

 private:
  struct Connection {
    std::vector<std::string> ufrags;
    std::vector<Path> paths;
  };
  void disown(const Path& path, AttemptId attempt);
  void forget_ufrags(AttemptId attempt, Connection& connection);

  std::map<AttemptId, Connection> connections_;
  std::map<std::string, AttemptId, std::less<>> by_ufrag_;
  std::map<Path, std::vector<Owner>> owners_;
};

}  // namespace bamgate::agent
