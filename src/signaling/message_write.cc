// The writing half of message.h.
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
    for (const PeerInfo& peer : list.peers) peers.push_back(to_json(peer));
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

/// One part of a list while it is filled.
class ListPart {
 public:
  explicit ListPart(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// False when the entry has no room here.
  bool add_peer(const std::string& entry) { return add(peers_, entry); }
  bool add_revoked(const std::string& entry) { return add(revoked_, entry); }
  bool empty() const { return peers_.empty() && revoked_.empty(); }
  /// The text of the part, which is empty afterwards.
  std::string take(bool more) {
    std::string text(kListStart);
    text += peers_ + "]";
    if (more) text += kMore;
    if (!revoked_.empty()) text.append(kRevoked).append(revoked_).append("]");
    peers_.clear();
    revoked_.clear();
    return text += "}";
  }

 private:
  bool add(std::string& list, const std::string& entry) {
    if (kListOverhead + peers_.size() + revoked_.size() + 1 + entry.size() > max_bytes_) return false;
    if (!list.empty()) list += ',';
    list += entry;
    return true;
  }

  std::size_t max_bytes_;
  std::string peers_;
  std::string revoked_;
};

}  // namespace

json::Value to_json(const PeerInfo& peer) {
  json::Value object;
  append_peer(object, peer);
  return object;
}

json::Value to_json(const Message& message) { return std::visit(ToJson{}, message); }

std::string write(const Message& message) { return json::write(to_json(message)); }

std::vector<std::string> write_list(const Peers& list, std::size_t max_bytes) {
  std::vector<std::string> texts;
  ListPart part(max_bytes);
  const auto add = [&](bool (ListPart::*add_entry)(const std::string&), const std::string& entry) {
    if ((part.*add_entry)(entry) || part.empty()) return;  // into an empty part nothing fits that is too large
    texts.push_back(part.take(true));
    (part.*add_entry)(entry);
  };
  for (const PeerRevoked& revoked : list.revoked) {
    json::Value object;
    append_revoked(object, revoked);
    add(&ListPart::add_revoked, json::write(object));
  }
  for (const PeerInfo& peer : list.peers) {
    if (fits_in_list(peer, max_bytes)) add(&ListPart::add_peer, json::write(to_json(peer)));
  }
  texts.push_back(part.take(list.more));
  return texts;
}

bool fits_in_list(const PeerInfo& peer, std::size_t max_bytes) {
  return kListOverhead + 1 + json::write(to_json(peer)).size() <= max_bytes;
}

}  // namespace bamgate::signaling
