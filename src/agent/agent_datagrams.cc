// Datagrams of the device's sockets, each to the connection that it belongs to (RFC 7983 tells the protocols apart, the
// directory the connections).
#include <algorithm>

#include "agent/agent.h"
#include "peer/demux.h"
#include "stun/message.h"

namespace bamgate::agent {
namespace {

// RFC 6347 §4.3.1: the type of a record is its first byte.
constexpr std::byte kApplicationData{23};

}  // namespace

void Agent::handle_datagram(Instant now, const Received& received) {
  // The kernel joins what came from one sender, whichever of our connections it was for.
  MutableBytes rest = received.data;
  const std::size_t stride = received.stride == 0 ? rest.size() : received.stride;
  do {
    const MutableBytes datagram = rest.first(std::min(stride, rest.size()));
    rest = rest.subspan(datagram.size());
    handle_one(now, {.path = received.path, .data = datagram, .ecn = received.ecn});
  } while (!rest.empty());
  pump_node(now);
  pump_touched(now);
}

void Agent::handle_one(Instant now, const Received& datagram) {
  if (node_.relays().is_from_relay(datagram.path, datagram.data)) {
    return handle_relayed(now, datagram.path, datagram.data);
  }
  handle_plain(now, datagram);
}

void Agent::handle_relayed(Instant now, const Path& path, MutableBytes message) {
  if (const auto inner = node_.relays().receive(now, path, message)) handle_plain(now, *inner);
}

void Agent::on_relay_message(Instant now, RelayId line, MutableBytes message) {
  handle_relayed(now, {.local = SocketId::kNone, .remote = {}, .relay = line}, message);
  pump_node(now);
  connect_relay();
  pump_touched(now);
}

void Agent::handle_plain(Instant now, const Received& datagram) {
  if (peer::classify(datagram.data) == peer::Protocol::kStun) {
    handle_stun(now, datagram);
  } else {
    handle_record(now, datagram);
  }
}

void Agent::handle_stun(Instant now, const Received& datagram) {
  const auto message = stun::Message::parse(datagram.data);
  if (message && message->message_class() == stun::Class::kRequest) {
    const auto username = message->text(stun::Attribute::kUsername).value_or("");
    if (const auto attempt = node_.directory().find_username(username)) return deliver_stun(now, *attempt, datagram);
  } else if (message && message->message_class() != stun::Class::kIndication) {
    if (node_.take_response(now, datagram.path, *message)) return;
    for (const Directory::Owner& owner : node_.directory().owners(datagram.path)) {
      const Attempt& attempt = *find(owner.attempt).link.find(owner.attempt);
      if (attempt.connection().awaits(message->id())) return deliver_stun(now, owner.attempt, datagram);
    }
  }
  ++shared_.counters.no_connection;
}

void Agent::deliver_stun(Instant now, AttemptId attempt, const Received& datagram) {
  Entry& entry = find(attempt);
  entry.link.find(attempt)->handle_stun(now, datagram);
  touch(entry);
}

// One path may be that of several connections: of an old and a new one to the same peer, or of another peer that claims
// it. Application data is for the one that can open it, and those that know the peer are asked first. A handshake
// cannot be told apart, so all get it; each drops what is not its own.
void Agent::handle_record(Instant now, const Received& record) {
  const std::vector<Directory::Owner>& owners = node_.directory().owners(record.path);
  const bool data = !record.data.empty() && record.data[0] == kApplicationData;
  bool taken = false;
  bool heard = false;
  for (const bool secured : {true, false}) {
    for (const Directory::Owner& owner : owners) {
      if (owner.claim == Claim::kAsked || (data && taken)) continue;
      Entry& entry = find(owner.attempt);
      Attempt& attempt = *entry.link.find(owner.attempt);
      if (attempt.is_secured() != secured) continue;
      heard = true;
      taken = attempt.handle_record(now, record) || taken;
      touch(entry);
    }
  }
  if (!heard) ++shared_.counters.no_connection;
}

// Who stands in the directory is alive, and stands here since it was settled.
Agent::Entry& Agent::find(AttemptId attempt) const { return *by_attempt_.find(attempt)->second; }

}  // namespace bamgate::agent
