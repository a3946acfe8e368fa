// What --pcap and --keylog write, for Wireshark: datagrams with made-up IP and UDP headers in the classic pcap format
// (nanoseconds, LINKTYPE_RAW), and the secrets of their sessions in the two forms that Wireshark reads, SSLKEYLOGFILE
// (RFC 9850) for DTLS and the WireGuard key log. One key log file serves both; docs/lab-tools.md shows the commands.
// Left out: what the kernel adds on the way (TTL, fragments), and rotation of files.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "core/endpoint.h"
#include "core/key_log.h"
#include "core/message_tap.h"
#include "net/error.h"

namespace bamgate::net {

/// The arguments of --pcap and --keylog; empty: none.
struct CaptureFiles {
  std::string pcap;
  std::string keylog;

  bool any() const { return !pcap.empty() || !keylog.empty(); }
};

class Capture : private KeyLog, private MessageTap {
 public:
  /// Makes the files that were asked for, readable by their owner only: a pcap anew, while a key log goes on where it
  /// ends. Says on stderr what a key log gives away.
  static Result<std::unique_ptr<Capture>> open(const CaptureFiles& files);
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture() override = default;

  /// One datagram; both endpoints are of one family. Nothing happens without --pcap.
  void add_datagram(const Endpoint& from, const Endpoint& to, Bytes payload);
  bool has_pcap() const { return pcap_ != nullptr; }
  /// For the layers; nullptr without --keylog.
  KeyLog* key_log() { return keylog_ ? this : nullptr; }
  /// For an agent; nullptr without --pcap. The WireGuard messages of its data channels stand in the pcap a second time,
  /// as UDP between the addresses of the devices, on the port that Wireshark takes for WireGuard's.
  MessageTap* message_tap() { return pcap_ ? this : nullptr; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, Close>;

  Capture() = default;
  static Result<File> open_private(const std::string& path, int flags);
  void add_dtls(Bytes client_random, Bytes master_secret) override;
  void add_wireguard(const WireGuardKeys& keys) override;
  void add_message(const IpAddress& from, const IpAddress& to, Bytes message) override;
  void write(File& file, Bytes content, const char* what);

  File pcap_;
  File keylog_;
};

}  // namespace bamgate::net
