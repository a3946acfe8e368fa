// The messages between devices and hub: JSON text over WebSocket (docs/signaling.md). Field names are those on the
// wire. This file checks form only: who may say what is the hub's business, whose key is whose the agent's.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/device_name.h"
#include "json/value.h"

namespace bamgate::signaling {

enum class Error {
  kNotJson,      // no JSON text within the limits of json::parse (64 KiB, depth 16)
  kUnknownType,  // a message of a type that is not known here; to be ignored
  kMalformed,    // a field is missing, or has the wrong type or form
};
const char* to_string(Error error);

/// The longest list message that a hub may send (protocol.md).
inline constexpr std::size_t kMaxListBytes = 24 * 1024;
/// How many devices a room holds, and so how many entries a whole list may have.
inline constexpr std::size_t kMaxPeers = 1024;

/// What a device says about itself and the hub tells the others. Texts are as on the wire and, but for the peer id, not
/// checked: public_key is to be decoded with array_from_base64<32>, addresses and routes with IpPrefix::parse.
struct PeerInfo {
  std::string peer_id;     // "peerId"; a valid device name
  std::string public_key;  // "publicKey"; base64; may be empty
  std::string address;     // "address"; as in "10.100.0.1/16"; may be empty
  std::string address6;    // "address6"; may be empty, and is then not written
  std::vector<std::string> routes;
  std::map<std::string, std::string> metadata;
  json::Object extra;  // fields that are not known here, in order; written again behind the others

  bool operator==(const PeerInfo&) const = default;
};

/// Device to hub, the first message of a connection.
struct Join {
  PeerInfo self;
  bool operator==(const Join&) const = default;
};

/// Hub to all: this key is worth nothing any more.
struct PeerRevoked {
  std::string peer_id;
  std::string public_key;
  bool operator==(const PeerRevoked&) const = default;
};

/// Hub to device: a part of a list of devices.
struct Peers {
  std::vector<PeerInfo> peers;
  bool more = false;                 // "more": another part follows; written only when true
  std::vector<PeerRevoked> revoked;  // "revoked": revocations of the last 90 days; written only when there are some
  std::size_t malformed = 0;         // entries that parse() left out because of their form; never written
  bool operator==(const Peers&) const = default;
};

/// Device to device through the hub, which overwrites `from`. `from` may be empty on the way to the hub.
struct Offer {
  std::string from;
  std::string to;
  std::string sdp;
  std::string public_key;  // "publicKey"; may be empty, and is then not written
  json::Object extra;
  bool operator==(const Offer&) const = default;
};

struct Answer {
  std::string from;
  std::string to;
  std::string sdp;
  std::string public_key;
  json::Object extra;
  bool operator==(const Answer&) const = default;
};

struct IceCandidate {
  std::string from;
  std::string to;
  std::string candidate;  // "candidate:… ufrag <ufrag>"
  json::Object extra;
  bool operator==(const IceCandidate&) const = default;
};

/// Hub to all: this device's connection has ended.
struct PeerLeft {
  std::string peer_id;
  bool operator==(const PeerLeft&) const = default;
};

using Message = std::variant<Join, Peers, Offer, Answer, IceCandidate, PeerLeft, PeerRevoked>;

/// Reads one message. Optional fields may be missing or null: publicKey, address, address6, routes, metadata, from,
/// more, revoked. An entry of a list that is malformed is left out and counted; every other fault refuses the message.
[[nodiscard]] std::expected<Message, Error> parse(std::string_view text);
/// The same for a text that has been read already.
[[nodiscard]] std::expected<Message, Error> from_json(const json::Value& value);

/// The JSON text of a message, on one line. parse(write(m)) == m when m is well-formed.
[[nodiscard]] std::string write(const Message& message);
[[nodiscard]] json::Value to_json(const Message& message);
/// One entry of a list as text, as it stands in `peers`: made once, it goes into any number of lists.
[[nodiscard]] std::string write_entry(const PeerInfo& peer);
/// Whether a list message can carry this entry. A hub refuses the join of a device of which this is false.
[[nodiscard]] bool fits_in_list(std::string_view entry, std::size_t max_bytes = kMaxListBytes);

/// One message of a list while it is filled: a list of any length is as many of them as it takes.
class ListPart {
 public:
  explicit ListPart(std::size_t max_bytes = kMaxListBytes);

  /// Adds what write_entry() made. False, and nothing is added, when it has no room here.
  bool add_peer(std::string_view entry);
  bool add_revoked(const PeerRevoked& revoked);
  /// The message's text; the part is empty afterwards. `more`: another part follows.
  std::string take(bool more);

 private:
  bool add(std::string& list, std::string_view entry);

  std::size_t max_bytes_;
  std::string peers_;    // the text up to the last entry
  std::string revoked_;  // entries
};

}  // namespace bamgate::signaling
