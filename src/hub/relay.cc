#include "hub/relay.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hub/client.h"
#include "hub/devices.h"
#include "hub/pace.h"
#include "turn/channel_data.h"
#include "turn/credentials.h"

namespace bamgate::hub {
namespace {

bool asks_for_batches(std::string_view target) {
  const std::size_t question = target.find('?');
  if (question == std::string_view::npos) return false;
  std::string_view query = target.substr(question + 1);
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    if (one == "batch=1") return true;
    query.remove_prefix(std::min(one.size() + 1, query.size()));
  }
  return false;
}

}  // namespace

Relay::Relay(Context& context)
    : context_(context),
      server_({.realm = "bamgate", .limits = context.options.relay}, *this, context.crypto, context.random),
      out_(kMaxMessage + turn::Server::kRoom) {}

std::optional<HttpReply> Relay::open(ConnectionId id, const Login& login, const HttpRequest& request) {
  if (streams_.size() >= kMaxRelayStreams) {
    ++context_.counters.limited;
    return too_many("too_many_connections", "The hub holds as many connections as it can; wait.", 10);
  }
  auto& its = of_devices_[login.device.id];
  if (its.size() >= kMaxRelayStreamsOfDevice) {
    close(streams_.find(its.front()), CloseCode::kReplaced, "newer connections of this device");
  }
  Stream stream{.device_id = login.device.id,
                .device_name = login.device.name,
                .path = {std::to_underlying(id), {request.client, 0}, {}},
                .writer = RelayStream(asks_for_batches(request.target)),
                .in = {}};
  streams_.emplace(id, std::move(stream));
  of_devices_[login.device.id].push_back(id);
  return std::nullopt;
}

void Relay::on_text(ConnectionId id) { close(streams_.find(id), CloseCode::kMalformed, "TURN messages are binary"); }

void Relay::on_binary(Instant now, UnixTime unix_now, ConnectionId id, Bytes data) {
  Stream& from = streams_.find(id)->second;
  if (data.size() > kMaxMessage) return close(streams_.find(id), CloseCode::kMalformed, "a message above 64 KiB");
  from.in.assign(data.begin(), data.end());
  // A message of one is a batch of one, whether or not the client asked for batches: its length says where it ends.
  turn::BatchReader batch(from.in);
  while (true) {
    const auto message = batch.next();
    if (!message) return close(streams_.find(id), CloseCode::kMalformed, "no TURN message");
    if (!*message) return;
    take_message(now, unix_now, from, **message);
  }
}

void Relay::take_message(Instant now, UnixTime unix_now, Stream& from, MutableBytes message) {
  if (!is_paced(now, from.path.remote.address, message)) return;
  const auto output = server_.handle(now, unix_now, {from.path, from.device_id, message}, out_);
  if (output) deliver(now, *output);
}

// Requests cost a look into the database; whoever sends them faster than the API may be asked is not heard.
bool Relay::is_paced(Instant now, const IpAddress& client, Bytes message) {
  if (message.size() < 2 || turn::is_channel_data(message)) return true;
  // RFC 8489 §5: the two class bits are 0 in a request. Binding is answered to everybody, and costs nothing.
  const auto type = std::to_integer<unsigned>(message[0]) << 8 | std::to_integer<unsigned>(message[1]);
  if ((type & 0x0110) != 0 || type == std::to_underlying(stun::Method::kBinding)) return true;
  if (context_.limits.relay.take(now, client_key(client)) == 0) return true;
  ++context_.counters.limited;
  return false;
}

std::optional<turn::Server::Output> Relay::on_datagram(Instant now, UnixTime unix_now, const turn::FiveTuple& from,
                                                       MutableBytes data, MutableBytes out) {
  if (!is_paced(now, from.remote.address, data)) return std::nullopt;
  auto output = server_.handle(now, unix_now, {from, {}, data}, out);
  if (!output || !output->to.is_stream()) return output;
  deliver(now, *output);
  return std::nullopt;
}

void Relay::deliver(Instant now, const turn::Server::Output& output) {
  if (!output.to.is_stream()) {
    context_.effects.emplace_back(SendDatagram{output.to.remote, output.to.local,
                                               std::vector<std::byte>(output.message.begin(), output.message.end())});
    return;
  }
  const ConnectionId id{output.to.stream};
  const auto to = streams_.find(id);
  if (to == streams_.end()) return;
  to->second.writer.send(now, pool_, output.message);
  now_ = now;
  if (ready_.empty() || ready_.back() != id) ready_.push_back(id);
}

void Relay::flush() {
  for (const ConnectionId id : std::exchange(ready_, {})) {
    const auto at = streams_.find(id);
    if (at == streams_.end()) continue;
    while (auto message = at->second.writer.take(now_))
      context_.effects.emplace_back(SendBinary{id, std::move(*message)});
    if (at->second.writer.wants_sent()) context_.effects.emplace_back(WhenSent{id});
  }
}

void Relay::on_sent(Instant now, ConnectionId id) {
  streams_.find(id)->second.writer.on_sent();
  now_ = now;
  ready_.push_back(id);
}

void Relay::on_close(ConnectionId id) { erase(streams_.find(id)); }

void Relay::end_device(const Device& device, CloseCode code, std::string_view reason) {
  server_.end_owner(device.id);
  const auto held = of_devices_.find(device.id);
  if (held == of_devices_.end()) return;
  for (const ConnectionId id : std::vector(held->second)) close(streams_.find(id), code, reason);
}

void Relay::close(Streams::iterator at, CloseCode code, std::string_view reason) {
  context_.effects.emplace_back(Close{at->first, code, std::string(reason)});
  erase(at);
}

void Relay::erase(Streams::iterator at) {
  const Stream& stream = at->second;
  server_.handle_closed(stream.path);
  if (stream.writer.dropped() > 0) {
    context_.log(LogLevel::kInfo, "relay_reader_was_slow",
                 {{"device", stream.device_name}, {"dropped", stream.writer.dropped()}});
  }
  auto& its = of_devices_[stream.device_id];
  std::erase(its, at->first);
  if (its.empty()) of_devices_.erase(stream.device_id);
  streams_.erase(at);
}

std::optional<turn::Accounts::Account> Relay::find_account(UnixTime unix_now, std::string_view username) {
  const auto name = turn::parse_hub_username(username);
  if (!name || name->expires <= unix_now) return std::nullopt;
  const auto device = find_device_by_name(context_.database, name->device);
  if (!device) return std::nullopt;
  const SecretText secret(turn_secret(context_.crypto, context_.settings.master_secret.bytes(), *device));
  return Account{.owner = device->id, .password = turn::hub_password(context_.crypto, secret.view(), username)};
}

json::Array Relay::counters() {
  json::Array all;
  for (const auto& [id, owner] : server_.allocations().owners()) {
    const auto device = find_device(context_.database, id);
    if (!device) continue;
    json::Object of_one{{"device_name", device->name}, {"allocations", owner.allocations}};
    for (const auto& counter : turn::RelayCounters::list()) {
      of_one.emplace_back(std::string(counter.name), owner.counters.*counter.value);
    }
    all.emplace_back(std::move(of_one));
  }
  return all;
}

json::Object Relay::totals() const {
  json::Object all;
  for (const auto& counter : turn::ServerCounters::list()) {
    all.emplace_back(std::string(counter.name), server_.counters().*counter.value);
  }
  return all;
}

}  // namespace bamgate::hub
