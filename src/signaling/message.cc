#include "signaling/message.h"

#include <algorithm>
#include <optional>

#include "json/parse.h"

namespace bamgate::signaling {
namespace {

/// Takes fields out of one object by name and type, remembers whether all were as they should be, and knows which
/// fields nobody asked for. null counts as missing.
class Fields {
 public:
  explicit Fields(const json::Object& object) : object_(object) {}

  bool ok() const { return ok_; }

  std::string text(std::string_view key) { return text(key, true); }
  std::string optional_text(std::string_view key) { return text(key, false); }
  /// A device name.
  std::string name(std::string_view key) {
    std::string value = text(key);
    ok_ = ok_ && is_device_name(value);
    return value;
  }
  std::string optional_name(std::string_view key) {
    std::string value = optional_text(key);
    ok_ = ok_ && (value.empty() || is_device_name(value));
    return value;
  }
  bool optional_bool(std::string_view key) {
    const json::Value* value = take(key);
    if (value == nullptr) return false;
    ok_ = ok_ && value->as_bool().has_value();
    return value->as_bool().value_or(false);
  }
  /// The elements of an array; none when it is missing.
  const json::Array& optional_array(std::string_view key) {
    static const json::Array kNone;
    const json::Value* value = take(key);
    if (value == nullptr) return kNone;
    ok_ = ok_ && value->as_array() != nullptr;
    return value->as_array() != nullptr ? *value->as_array() : kNone;
  }
  std::vector<std::string> optional_texts(std::string_view key) {
    std::vector<std::string> texts;
    for (const json::Value& element : optional_array(key)) {
      if (const std::string* value = element.as_string()) {
        texts.push_back(*value);
      } else {
        ok_ = false;
      }
    }
    return texts;
  }
  std::map<std::string, std::string> optional_text_map(std::string_view key) {
    std::map<std::string, std::string> texts;
    const json::Value* value = take(key);
    if (value == nullptr) return texts;
    const json::Object* object = value->as_object();
    ok_ = ok_ && object != nullptr;
    if (object == nullptr) return texts;
    for (const auto& [name, content] : *object) {
      ok_ = ok_ && content.as_string() != nullptr;
      if (content.as_string() != nullptr) texts.emplace(name, *content.as_string());
    }
    return texts;
  }
  /// The fields that nobody asked for, in order.
  json::Object rest() const {
    json::Object rest;
    for (const json::Member& member : object_) {
      if (std::ranges::find(taken_, member.first) == taken_.end()) rest.push_back(member);
    }
    return rest;
  }
  void ignore(std::string_view key) { taken_.push_back(key); }
  /// The field must be there, though it may be null: Go writes an empty list so.
  void require(std::string_view key) {
    ok_ = ok_ && std::ranges::find(object_, key, &json::Member::first) != object_.end();
  }

 private:
  const json::Value* take(std::string_view key) {
    taken_.push_back(key);
    const auto member = std::ranges::find(object_, key, &json::Member::first);
    return member == object_.end() || member->second.is_null() ? nullptr : &member->second;
  }
  std::string text(std::string_view key, bool required) {
    const json::Value* value = take(key);
    const std::string* content = value != nullptr ? value->as_string() : nullptr;
    if (content == nullptr && (required || value != nullptr)) ok_ = false;
    return content != nullptr ? *content : std::string();
  }

  const json::Object& object_;
  std::vector<std::string_view> taken_;
  bool ok_ = true;
};

std::expected<Message, Error> checked(const Fields& fields, Message message) {
  if (!fields.ok()) return std::unexpected(Error::kMalformed);
  return message;
}

PeerInfo read_peer(Fields& fields) {
  PeerInfo peer;
  peer.peer_id = fields.name("peerId");
  peer.public_key = fields.optional_text("publicKey");
  peer.address = fields.optional_text("address");
  peer.address6 = fields.optional_text("address6");
  peer.routes = fields.optional_texts("routes");
  peer.metadata = fields.optional_text_map("metadata");
  return peer;
}

std::expected<Message, Error> read_join(Fields fields) {
  Join join{read_peer(fields)};
  join.self.extra = fields.rest();
  return checked(fields, std::move(join));
}

PeerRevoked read_revoked(Fields& fields) {
  PeerRevoked revoked;
  revoked.peer_id = fields.name("peerId");
  revoked.public_key = fields.text("publicKey");
  return revoked;
}

/// Reads the entries of a list; one that is malformed is counted and left out, so that one odd device hides no other.
template <typename Entry>
void read_entries(const json::Array& entries, std::expected<Entry, Error> (*read)(const json::Object&),
                  std::vector<Entry>& into, std::size_t& malformed) {
  for (const json::Value& entry : entries) {
    const json::Object* object = entry.as_object();
    std::expected<Entry, Error> content = std::unexpected(Error::kMalformed);
    if (object != nullptr) content = read(*object);
    if (content) {
      into.push_back(std::move(*content));
    } else {
      ++malformed;
    }
  }
}

std::expected<PeerInfo, Error> read_peer_entry(const json::Object& object) {
  Fields fields(object);
  fields.ignore("type");  // of a join; it would make an entry look like a message
  PeerInfo peer = read_peer(fields);
  if (!fields.ok()) return std::unexpected(Error::kMalformed);
  peer.extra = fields.rest();
  return peer;
}

std::expected<PeerRevoked, Error> read_revoked_entry(const json::Object& object) {
  Fields fields(object);
  PeerRevoked revoked = read_revoked(fields);
  if (!fields.ok()) return std::unexpected(Error::kMalformed);
  return revoked;
}

std::expected<Message, Error> read_peers(Fields fields) {
  Peers list;
  fields.require("peers");
  read_entries(fields.optional_array("peers"), read_peer_entry, list.peers, list.malformed);
  list.more = fields.optional_bool("more");
  read_entries(fields.optional_array("revoked"), read_revoked_entry, list.revoked, list.malformed);
  return checked(fields, std::move(list));
}

template <typename Description>
std::expected<Message, Error> read_description(Fields fields) {
  Description description;
  description.from = fields.optional_name("from");
  description.to = fields.name("to");
  description.sdp = fields.text("sdp");
  description.public_key = fields.optional_text("publicKey");
  description.extra = fields.rest();
  return checked(fields, std::move(description));
}

std::expected<Message, Error> read_candidate(Fields fields) {
  IceCandidate candidate;
  candidate.from = fields.optional_name("from");
  candidate.to = fields.name("to");
  candidate.candidate = fields.text("candidate");
  candidate.extra = fields.rest();
  return checked(fields, std::move(candidate));
}

std::expected<Message, Error> read_peer_left(Fields fields) {
  PeerLeft left{fields.name("peerId")};
  return checked(fields, std::move(left));
}

std::expected<Message, Error> read_peer_revoked(Fields fields) {
  PeerRevoked revoked = read_revoked(fields);
  return checked(fields, std::move(revoked));
}

}  // namespace

std::expected<Message, Error> parse(std::string_view text) {
  const auto value = json::parse(text);
  if (!value) return std::unexpected(Error::kNotJson);
  return from_json(*value);
}

std::expected<Message, Error> from_json(const json::Value& value) {
  const json::Object* object = value.as_object();
  if (object == nullptr) return std::unexpected(Error::kMalformed);
  Fields fields(*object);
  const std::string type = fields.text("type");
  if (!fields.ok()) return std::unexpected(Error::kMalformed);
  if (type == "join") return read_join(std::move(fields));
  if (type == "peers") return read_peers(std::move(fields));
  if (type == "offer") return read_description<Offer>(std::move(fields));
  if (type == "answer") return read_description<Answer>(std::move(fields));
  if (type == "ice-candidate") return read_candidate(std::move(fields));
  if (type == "peer-left") return read_peer_left(std::move(fields));
  if (type == "peer-revoked") return read_peer_revoked(std::move(fields));
  return std::unexpected(Error::kUnknownType);
}

const char* to_string(Error error) {
  switch (error) {
    case Error::kNotJson:
      return "no JSON text";
    case Error::kUnknownType:
      return "unknown type of message";
    case Error::kMalformed:
      return "a field of the message is missing or has the wrong type";
  }
  return "unknown signaling error";
}

}  // namespace bamgate::signaling
