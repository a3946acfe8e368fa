// The writing half of message.h.
#include <utility>

#include "json/write.h"
#include "signaling/message.h"

namespace bamgate::signaling {
namespace {

/// What we do not know goes behind what we know, and never over it.
void append_extra(json::Value& object, const json::Object& extra) {
  for (const auto& [key, value] : extra) {
    if (object.find(key) == nullptr) object.set(key, value);
  }
}

void append_peer(json::Value& object, const PeerInfo& peer) {
  object.set("peerId", peer.peer_id);
  object.set("publicKey", peer.public_key);
  object.set("address", peer.address);
  if (!peer.address6.empty()) object.set("address6", peer.address6);
  json::Array routes;
  for (const std::string& route : peer.routes) routes.emplace_back(route);
  object.set("routes", std::move(routes));
  json::Object metadata;
  for (const auto& [key, text] : peer.metadata) metadata.emplace_back(key, text);
  object.set("metadata", std::move(metadata));
  append_extra(object, peer.extra);
}

void append_revoked(json::Value& object, const PeerRevoked& revoked) {
  object.set("peerId", revoked.peer_id);
  object.set("publicKey", revoked.public_key);
}

json::Value typed(const char* type) {
  json::Value object;
  object.set("type", type);
  return object;
}

template <typename Description>
json::Value description_to_json(const char* type, const Description& description) {
  json::Value object = typed(type);
  object.set("from", description.from);
  object.set("to", description.to);
  object.set("sdp", description.sdp);
  if (!description.public_key.empty()) object.set("publicKey", description.public_key);
  append_extra(object, description.extra);
  return object;
}

struct ToJson {
  json::Value operator()(const Join& join) const {
    json::Value object = typed("join");
    append_peer(object, join.self);
    return object;
  }
  json::Value operator()(const Peers& list) const {
    json::Value object = typed("peers");
    json::Array peers;
    for (const PeerInfo& peer : list.peers) append_peer(peers.emplace_back(), peer);
    object.set("peers", std::move(peers));
    if (list.more) object.set("more", true);
    json::Array revoked;
    for (const PeerRevoked& peer : list.revoked) append_revoked(revoked.emplace_back(), peer);
    if (!revoked.empty()) object.set("revoked", std::move(revoked));
    return object;
  }
  json::Value operator()(const Offer& offer) const { return description_to_json("offer", offer); }
  json::Value operator()(const Answer& answer) const { return description_to_json("answer", answer); }
  json::Value operator()(const IceCandidate& candidate) const {
    json::Value object = typed("ice-candidate");
    object.set("from", candidate.from);
    object.set("to", candidate.to);
    object.set("candidate", candidate.candidate);
    append_extra(object, candidate.extra);
    return object;
  }
  json::Value operator()(const PeerLeft& left) const {
    json::Value object = typed("peer-left");
    object.set("peerId", left.peer_id);
    return object;
  }
  json::Value operator()(const PeerRevoked& revoked) const {
    json::Value object = typed("peer-revoked");
    append_revoked(object, revoked);
    return object;
  }
};

// A list message is put together from the texts of its entries, so that its length is known before each is added.
constexpr std::string_view kListStart = R"({"type":"peers","peers":[)";
constexpr std::string_view kMore = R"(,"more":true)";
constexpr std::string_view kRevoked = R"(,"revoked":[)";
constexpr std::size_t kListOverhead = kListStart.size() + 1 + kMore.size() + kRevoked.size() + 2;

}  // namespace

json::Value to_json(const Message& message) { return std::visit(ToJson{}, message); }

std::string write(const Message& message) { return json::write(to_json(message)); }

std::string write_entry(const PeerInfo& peer) {
  json::Value object;
  append_peer(object, peer);
  return json::write(object);
}

bool fits_in_list(std::string_view entry, std::size_t max_bytes) {
  return kListOverhead + 1 + entry.size() <= max_bytes;
}

ListPart::ListPart(std::size_t max_bytes) : max_bytes_(max_bytes), peers_(kListStart) {}

bool ListPart::add_peer(std::string_view entry) { return add(peers_, entry); }

bool ListPart::add_revoked(const PeerRevoked& revoked) {
  json::Value object;
  append_revoked(object, revoked);
  return add(revoked_, json::write(object));
}

bool ListPart::add(std::string& list, std::string_view entry) {
  const std::size_t used = peers_.size() - kListStart.size() + revoked_.size();
  if (kListOverhead + used + 1 + entry.size() > max_bytes_) return false;
  if (list.ends_with('}')) list += ',';  // behind another entry
  list += entry;
  return true;
}

std::string ListPart::take(bool more) {
  std::string text = std::exchange(peers_, std::string(kListStart));
  text += ']';
  if (more) text += kMore;
  if (!revoked_.empty()) text.append(kRevoked).append(revoked_).append("]");
  revoked_.clear();
  return text += '}';
}

}  // namespace bamgate::signaling
