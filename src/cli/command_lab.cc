// The arguments of `bamgate lab` and of its tools.
#include <CLI/CLI.hpp>

#include "cli/command_lab.h"
#include "lab/lab.h"

namespace bamgate::cli {
namespace {

using Run = std::function<ExitCode()>;

void add_lab_options(CLI::App& command, lab::CommonOptions& lab) {
  command.add_flag("--json", lab.json, "One JSON object for each step");
  add_capture_options(command, lab.files);
}

void add_listen(CLI::App& command, std::string& listen) {
  command.add_option("--listen", listen, "Our UDP socket (default: any address, any port)")->type_name("ADDR:PORT");
}

void add_stun(CLI::App& lab, Run& run) {
  auto arguments = std::make_shared<lab::StunArguments>();
  auto* command = lab.add_subcommand("stun", "Ask STUN servers for our address; two of them show how the NAT maps");
  command->add_option("server", arguments->servers, "The servers, asked in turn from one socket (default port 3478)")
      ->required()
      ->type_name("SERVER[:PORT]");
  add_listen(*command, arguments->listen);
  add_lab_options(*command, arguments->lab);
  command->callback([&run, arguments] { run = [arguments] { return lab::run_stun(*arguments); }; });
}

/// An option whose text `Value::parse` reads.
template <typename Value>
CLI::Option* add_parsed(CLI::App& command, const std::string& name, std::function<void(Value)> take,
                        const std::string& help, const char* form) {
  return command
      .add_option_function<std::vector<std::string>>(
          name,
          [take, name, form](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const auto value = Value::parse(text);
              if (!value) throw CLI::ValidationError(name, "'" + text + "' is no " + form);
              take(*value);
            }
          },
          help)
      ->type_name(form);
}

void add_wg(CLI::App& lab, Run& run) {
  auto arguments = std::make_shared<lab::WgArguments>();
  auto* command = lab.add_subcommand("wg", "Speak WireGuard over UDP with one peer; commands come on standard input");
  command->add_option("--private-key-file", arguments->private_key_file, "Our key, as 'bamgate genkey' prints it")
      ->required()
      ->type_name("FILE");
  command->add_option("--peer", arguments->peer, "The peer's public key")->required()->type_name("KEY");
  command->add_option("--preshared-key-file", arguments->preshared_key_file, "The preshared key")->type_name("FILE");
  command->add_option("--endpoint", arguments->endpoint, "Where the peer is (default: it comes to us)")
      ->type_name("HOST:PORT");
  command->add_option("--listen", arguments->listen, "Our UDP socket")->type_name("ADDR:PORT")->capture_default_str();
  add_parsed<IpPrefix>(
      *command, "--address", [arguments](const IpPrefix& value) { arguments->address = value; },
      "Our address inside the tunnel, with the length of its network", "ADDR/LENGTH")
      ->required()
      ->expected(1);
  add_parsed<IpPrefix>(
      *command, "--allowed-ips", [arguments](const IpPrefix& value) { arguments->allowed_ips.push_back(value); },
      "What is behind the peer (default: the network of --address)", "PREFIX")
      ->delimiter(',');
  command->add_option("--tun", arguments->tun, "Make a real interface (as root), not a host inside this process")
      ->type_name("NAME");
  auto* ping = add_parsed<IpAddress>(
      *command, "--ping", [arguments](const IpAddress& value) { arguments->ping = value; },
      "Ping this address inside the tunnel, with content of each size from 1 to 1,284 bytes", "ADDR");
  ping->expected(1)->excludes(command->get_option("--tun"));
  command->add_option("--count", arguments->count, "How many pings")->needs(ping)->capture_default_str();
  command->add_flag("--stay", arguments->stay, "Go on when the pings are done")->needs(ping);
  command->add_flag("--initiate", arguments->initiate, "Begin a handshake at once");
  command->add_flag("--packets", arguments->packets, "Show each data message, not only the first of a session");
  command->add_option("--keepalive", arguments->keepalive, "Persistent keepalive")->type_name("SECONDS");
  command
      ->add_option("--time-lapse", arguments->time_lapse,
                   "Our clock runs so many times as fast (the peer's does not): with 20, we rekey after 6 s")
      ->check(CLI::Range(1, 100))
      ->type_name("FACTOR");
  add_lab_options(*command, arguments->lab);
  command->callback([&run, arguments] { run = [arguments] { return lab::run_wg(*arguments); }; });
}

void add_dtls(CLI::App& lab, Run& run) {
  auto* dtls = lab.add_subcommand("dtls", "Speak DTLS 1.2 over UDP; lines of standard input go to the peer");
  dtls->require_subcommand(1);
  for (const bool listens : {false, true}) {
    auto arguments = std::make_shared<lab::DtlsArguments>();
    arguments->listens = listens;
    auto* command = listens ? dtls->add_subcommand("listen", "Be the server for the first client that comes")
                            : dtls->add_subcommand("connect", "Be the client");
    command->add_option("endpoint", arguments->endpoint, listens ? "Our UDP socket" : "The server")
        ->required()
        ->type_name(listens ? "ADDR:PORT" : "HOST:PORT");
    command
        ->add_option("--fingerprint", arguments->fingerprint,
                     "SHA-256 of the peer's certificate, as AB:CD:…; without it any is accepted and shown")
        ->type_name("SHA256");
    command->add_option("--mtu", arguments->mtu, "Bytes of the largest datagram")
        ->check(CLI::Range(256, 1472))
        ->capture_default_str();
    add_lab_options(*command, arguments->lab);
    command->callback([&run, arguments] { run = [arguments] { return lab::run_dtls(*arguments); }; });
  }
}

/// `ice` and `datachannel`: an offer goes one way, an answer the other.
void add_peer_tool(CLI::App& lab, Run& run, const char* name, const char* help,
                   ExitCode (*tool)(const lab::PeerArguments&)) {
  auto* parent = lab.add_subcommand(name, help);
  parent->require_subcommand(1);
  for (const bool offers : {true, false}) {
    auto arguments = std::make_shared<lab::PeerArguments>();
    arguments->offers = offers;
    auto* command = offers ? parent->add_subcommand("offer", "Begin: print an offer, then take the other's answer")
                           : parent->add_subcommand("answer", "Take the other's offer, then print an answer");
    command->add_option("--offer-file", arguments->offer_file, "The offer in this file, not on the terminal")
        ->type_name("FILE");
    command->add_option("--answer-file", arguments->answer_file, "The answer in this file, not on the terminal")
        ->type_name("FILE");
    command->add_option("--stun", arguments->stun_servers, "A STUN server, for a path through NATs")
        ->type_name("SERVER[:PORT]");
    add_parsed<IpAddress>(
        *command, "--address", [arguments](const IpAddress& value) { arguments->addresses.push_back(value); },
        "Only this address of ours (default: all); 127.0.0.1 for two terminals of one machine", "ADDR");
    if (std::string_view(name) == "datachannel") {
      command->add_option("--label", arguments->label, "Name of the channel")->capture_default_str();
    }
    add_lab_options(*command, arguments->lab);
    command->callback([&run, arguments, tool] { run = [arguments, tool] { return tool(*arguments); }; });
  }
}

void add_turn(CLI::App& lab, Run& run) {
  auto arguments = std::make_shared<lab::TurnArguments>();
  auto* command = lab.add_subcommand("turn",
                                     "Allocate an address at a TURN server and exchange lines through it; the line "
                                     "'/peer ADDR:PORT' names the peer, '/check' refreshes");
  command
      ->add_option("--server", arguments->server,
                   "The server: turn:HOST[:PORT][?transport=udp|tcp], turns:HOST[:PORT], wss://HOST[:PORT]/turn")
      ->required()
      ->type_name("URI");
  command->add_option("--user", arguments->user, "The name of the account")->required()->type_name("NAME");
  auto* password = command->add_option("--password", arguments->password,
                                       "Its password; other users of this machine can see it: rather use the file");
  password->type_name("TEXT");
  command
      ->add_option("--password-file", arguments->password_file,
                   "The password is in this file, which nobody else may read")
      ->excludes(password)
      ->type_name("FILE");
  command->add_option("--bearer", arguments->bearer, "Access token for the WebSocket of a hub")->type_name("TOKEN");
  auto* authority = command->add_option("--ca-file", arguments->ca_file,
                                        "Believe the authorities in this file (default: the system's)");
  authority->type_name("FILE");
  command->add_option("--pin", arguments->pin, "Believe this key alone: its SHA-256, as fp= of a join string")
      ->excludes(authority)
      ->type_name("SHA256");
  command
      ->add_option_function<std::string>(
          "--family",
          [arguments](const std::string& family) {
            arguments->families = family == "4"   ? turn::Families::kV4
                                  : family == "6" ? turn::Families::kV6
                                                  : turn::Families::kBoth;
          },
          "Relayed addresses of IPv4, IPv6 or both")
      ->check(CLI::IsMember({"4", "6", "both"}))
      ->type_name("FAMILY");
  add_parsed<Endpoint>(
      *command, "--peer", [arguments](const Endpoint& value) { arguments->peers.push_back(value); },
      "A peer with permission, as another 'lab turn' prints its relayed address; lines go to the last one",
      "ADDR:PORT");
  command->add_flag("--echo", arguments->echo, "Send back what a peer sends, until Ctrl-C");
  command->add_flag("!--no-channel", arguments->channels, "Send each packet in an indication");
  add_lab_options(*command, arguments->lab);
  command->callback([&run, arguments] { run = [arguments] { return lab::run_turn(*arguments); }; });
}

}  // namespace

void add_capture_options(CLI::App& command, net::CaptureFiles& files) {
  command.add_option("--pcap", files.pcap, "Write the datagrams into this file, for Wireshark")->type_name("FILE");
  command
      .add_option("--keylog", files.keylog,
                  "Write the session keys into this file: whoever has it can decrypt a capture")
      ->type_name("FILE");
}

void add_lab(CLI::App& app, Run& run) {
  auto* lab = app.add_subcommand("lab", "Run one protocol alone against a real peer and watch each step");
  lab->require_subcommand(1);
  add_stun(*lab, run);
  add_turn(*lab, run);
  add_wg(*lab, run);
  add_dtls(*lab, run);
  add_peer_tool(*lab, run, "ice", "Find a path to another machine; two lines are exchanged by hand or by files",
                lab::run_ice);
  add_peer_tool(*lab, run, "datachannel", "Send lines over a WebRTC data channel, also to a browser",
                lab::run_datachannel);
}

}  // namespace bamgate::cli
