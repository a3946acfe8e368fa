#include "agent/directory.h"

#include <algorithm>

namespace bamgate::agent {

void Directory::add(AttemptId attempt, const std::vector<std::string>& ufrags) {
  connections_[attempt];
  set_ufrags(attempt, ufrags);
}

void Directory::remove(AttemptId attempt) {
  const auto found = connections_.find(attempt);
  if (found == connections_.end()) return;
  for (const Path& path : found->second.paths) disown(path, attempt);
  forget_ufrags(attempt, found->second);
  connections_.erase(found);
}

void Directory::set_ufrags(AttemptId attempt, const std::vector<std::string>& ufrags) {
  const auto found = connections_.find(attempt);
  if (found == connections_.end()) return;
  forget_ufrags(attempt, found->second);
  found->second.ufrags = ufrags;
  for (const std::string& ufrag : ufrags) by_ufrag_[ufrag] = attempt;
}

void Directory::forget_ufrags(AttemptId attempt, Connection& connection) {
  for (const std::string& ufrag : connection.ufrags) {
    const auto named = by_ufrag_.find(ufrag);
    if (named != by_ufrag_.end() && named->second == attempt) by_ufrag_.erase(named);
  }
  connection.ufrags.clear();
}

void Directory::remove(SocketId socket) {
  std::erase_if(owners_, [&](const auto& entry) { return entry.first.local == socket; });
  for (auto& [attempt, connection] : connections_) {
    std::erase_if(connection.paths, [&](const Path& path) { return path.local == socket; });
  }
}

void Directory::disown(const Path& path, AttemptId attempt) {
  const auto found = owners_.find(path);
  if (found == owners_.end()) return;
  std::erase_if(found->second, [&](const Owner& owner) { return owner.attempt == attempt; });
  if (found->second.empty()) owners_.erase(found);
}

bool Directory::claim(AttemptId attempt, const Path& path, Claim claim) {
  const auto connection = connections_.find(attempt);
  if (connection == connections_.end()) return false;
  std::vector<Path>& paths = connection->second.paths;
  std::vector<Owner>* owners = nullptr;
  if (const auto found = owners_.find(path); found != owners_.end()) owners = &found->second;
  const auto known =
      owners == nullptr ? std::vector<Owner>::iterator() : std::ranges::find(*owners, attempt, &Owner::attempt);
  if (owners == nullptr || known == owners->end()) {
    if (paths.size() >= kMaxPaths) return false;
    paths.push_back(path);
    owners = &owners_[path];
    owners->push_back({attempt, claim});
  } else if (known->claim < claim) {
    known->claim = claim;
  } else {
    return true;
  }
  std::ranges::sort(*owners, [](const Owner& left, const Owner& right) {
    if (left.claim != right.claim) return left.claim > right.claim;
    return left.attempt > right.attempt;
  });
  return true;
}

std::optional<AttemptId> Directory::find_username(std::string_view username) const {
  const std::size_t colon = username.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto found = by_ufrag_.find(username.substr(0, colon));
  return found == by_ufrag_.end() ? std::nullopt : std::optional(found->second);
}

const std::vector<Directory::Owner>& Directory::owners(const Path& path) const {
  static const std::vector<Owner> kNobody;
  const auto found = owners_.find(path);
  return found == owners_.end() ? kNobody : found->second;
}

}  // namespace bamgate::agent
