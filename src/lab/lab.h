// The lab: `bamgate lab TOOL` runs one layer alone against a real peer and shows each step as it happens. One file a
// tool, TOOL.cc; cli/command_lab.cc reads their arguments. docs/lab-tools.md shows them at work. Not to be taken for
// the laboratory of the tests, which makes networks (docs/lab.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lab/exchange.h"
#include "lab/link.h"
#include "os/failure.h"
#include "turn/client.h"

namespace bamgate::lab {

struct StunArguments {
  CommonOptions lab;
  std::vector<std::string> servers;
  std::string listen;  // empty: any address, any port
};
ExitCode run_stun(const StunArguments& arguments);

struct TurnArguments {
  CommonOptions lab;
  std::string server;  // turn:, turns:, ws:// or wss://
  std::string user;
  std::string password;
  std::string password_file;  // what it holds, instead
  std::string bearer;         // access token for a hub's WebSocket; empty: none
  std::string ca_file;        // whom to believe with TLS; empty: the system's authorities
  std::string pin;            // or one key alone
  turn::Families families = turn::Families::kV4;
  std::vector<Endpoint> peers;
  bool echo = false;
  bool channels = true;
};
ExitCode run_turn(const TurnArguments& arguments);

struct WgArguments {
  CommonOptions lab;
  std::string private_key_file;
  std::string preshared_key_file;  // empty: none
  std::string peer;                // its public key
  std::string endpoint;            // empty: the peer has to come to us
  std::string listen = "0.0.0.0:51820";
  IpPrefix address;                   // ours inside the tunnel
  std::vector<IpPrefix> allowed_ips;  // empty: the network of `address`
  std::string tun;                    // the interface; empty: a host inside this process
  std::optional<IpAddress> ping;
  std::uint32_t count = 4;
  bool stay = false;            // also after the pings
  bool initiate = false;        // at once, not when a packet asks for it
  bool packets = false;         // show each data message
  std::uint16_t keepalive = 0;  // seconds; 0: none
  unsigned time_lapse = 1;
};
ExitCode run_wg(const WgArguments& arguments);

struct DtlsArguments {
  CommonOptions lab;
  bool listens = false;  // we are the server
  std::string endpoint;  // of the peer, or ours
  std::string fingerprint;
  std::size_t mtu = 1200;  // bytes of the largest datagram
};
ExitCode run_dtls(const DtlsArguments& arguments);

ExitCode run_ice(const PeerArguments& arguments);
ExitCode run_datachannel(const PeerArguments& arguments);

}  // namespace bamgate::lab
