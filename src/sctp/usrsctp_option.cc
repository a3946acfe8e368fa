#include "sctp/usrsctp_option.h"

#include <usrsctp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sctp/packet.h"

namespace bamgate::sctp {
namespace {

template <typename T>
bool set(struct socket* socket, int level, int name, const T& value) {
  return usrsctp_setsockopt(socket, level, name, &value, sizeof(value)) == 0;
}

template <typename T>
bool set(struct socket* socket, int name, const T& value) {
  return set(socket, IPPROTO_SCTP, name, value);
}

sockaddr_conn make_address(void* address, std::uint16_t port) {
  sockaddr_conn result{};
  result.sconn_family = AF_CONN;
  result.sconn_port = htons(port);
  result.sconn_addr = address;
  return result;
}

bool subscribe(struct socket* socket) {
  constexpr std::array<std::uint16_t, 3> kTypes{SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT,
                                                SCTP_PARTIAL_DELIVERY_EVENT};
  for (const std::uint16_t type : kTypes) {
    if (!set(socket, SCTP_EVENT, sctp_event{.se_assoc_id = SCTP_ALL_ASSOC, .se_type = type, .se_on = 1})) return false;
  }
  return true;
}

// Not kept until an engine of our own does it: RFC 8261 §4 demands that SCTP discovers the path MTU, and without ICMP.
// Here it is fixed to what fits the paths of src/peer/overhead.h.
bool fix_path_mtu(struct socket* socket, std::uint16_t path_mtu) {
  sctp_paddrparams parameters{};
  // Over AF_CONN usrsctp does not count the common header: without this a fragment would be that much too long.
  parameters.spp_pathmtu = path_mtu - static_cast<std::uint32_t>(kCommonHeader);
  parameters.spp_flags = SPP_PMTUD_DISABLE;
  return set(socket, SCTP_PEER_ADDR_PARAMS, parameters);
}

bool set_buffers(struct socket* socket, std::size_t buffer, std::size_t message) {
  // A whole message must fit behind what is in flight.
  const int send = static_cast<int>(buffer + message);
  const int receive = static_cast<int>(std::max(buffer, 2 * message));
  return set(socket, SOL_SOCKET, SO_SNDBUF, send) && set(socket, SOL_SOCKET, SO_RCVBUF, receive);
}

}  // namespace

bool configure_usrsctp_socket(struct socket* socket, const EngineOptions& options, std::size_t buffer,
                              std::uint32_t partial_delivery_point) {
  if (usrsctp_set_non_blocking(socket, 1) != 0) return false;
  sctp_initmsg initialization{};
  initialization.sinit_num_ostreams = kStreams;
  initialization.sinit_max_instreams = kStreams;
  const sctp_assoc_value resets{.assoc_id = SCTP_ALL_ASSOC, .assoc_value = SCTP_ENABLE_RESET_STREAM_REQ};
  const int on = 1;
  return set(socket, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0}) && set(socket, SCTP_NODELAY, on) &&
         set(socket, SCTP_INITMSG, initialization) && set(socket, SCTP_ENABLE_STREAM_RESET, resets) &&
         set_buffers(socket, buffer, options.max_message_size) &&
         set(socket, SCTP_PARTIAL_DELIVERY_POINT, partial_delivery_point) && subscribe(socket) &&
         fix_path_mtu(socket, options.path_mtu);
}

bool connect_usrsctp_socket(struct socket* socket, void* address, const EngineOptions& options) {
  sockaddr_conn local = make_address(address, options.local_port);
  if (usrsctp_bind(socket, reinterpret_cast<sockaddr*>(&local), sizeof(local)) != 0) return false;
  sockaddr_conn remote = make_address(address, options.remote_port);
  return usrsctp_connect(socket, reinterpret_cast<sockaddr*>(&remote), sizeof(remote)) == 0 || errno == EINPROGRESS;
}

std::size_t usrsctp_send_space(struct socket* socket) {
  int value = 0;
  socklen_t size = sizeof(value);
  if (usrsctp_getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &value, &size) != 0) return 0;
  return static_cast<std::size_t>(value);
}

bool usrsctp_has_data(struct socket* socket) {
  sctp_status status{};
  socklen_t size = sizeof(status);
  if (usrsctp_getsockopt(socket, IPPROTO_SCTP, SCTP_STATUS, &status, &size) != 0) return false;
  return status.sstat_unackdata != 0 || status.sstat_penddata != 0;
}

int reset_usrsctp_stream(struct socket* socket, std::uint16_t stream) {
  // sctp_reset_streams with a list of one.
  alignas(sctp_reset_streams) std::array<std::byte, sizeof(sctp_reset_streams) + sizeof(stream)> request{};
  sctp_reset_streams header{};
  header.srs_assoc_id = SCTP_ALL_ASSOC;
  header.srs_flags = SCTP_STREAM_RESET_OUTGOING;
  header.srs_number_streams = 1;
  std::memcpy(request.data(), &header, sizeof(header));
  std::memcpy(request.data() + sizeof(header), &stream, sizeof(stream));
  return usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_RESET_STREAMS, request.data(),
                            static_cast<socklen_t>(request.size())) == 0
             ? 0
             : errno;
}

}  // namespace bamgate::sctp
