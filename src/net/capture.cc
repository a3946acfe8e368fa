#include "net/capture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "core/encoding.h"
#include "core/ip_checksum.h"
#include "core/writer.h"
#include "net/clock.h"

namespace bamgate::net {
namespace {

// The classic pcap format: 24 bytes for the file, 16 for each packet.
constexpr std::uint32_t kMagicNanoseconds = 0xa1b23c4d;
constexpr std::uint32_t kVersion24 = 4U << 16 | 2U;
constexpr std::uint32_t kSnapLength = 65535;
constexpr std::uint32_t kLinkTypeRaw = 101;  // an IP packet, IPv4 or IPv6 by its first bits
constexpr std::size_t kFileHeader = 24;
constexpr std::size_t kRecordHeader = 16;

constexpr std::uint16_t kWireGuardPort = 51820;

constexpr std::uint8_t kUdp = 17;
constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::uint8_t kTtl = 64;
constexpr std::size_t kMaxPayload = kSnapLength - kIpv6Header - kUdpHeader;

void write_ip_header(Writer& out, const Endpoint& from, const Endpoint& to, std::size_t udp_size) {
  if (from.address.is_v4()) {
    const std::size_t begin = out.size();
    out.u16(0x4500);  // version 4, header of 20 bytes
    out.u16(static_cast<std::uint16_t>(kIpv4Header + udp_size));
    out.u32(0x00004000);  // no identification, don't fragment
    out.u8(kTtl);
    out.u8(kUdp);
    out.u16(0);
    out.bytes(from.address.bytes());
    out.bytes(to.address.bytes());
    out.patch_u16(begin + 10, ip_checksum({out.written().subspan(begin)}));
  } else {
    out.u32(0x60000000);
    out.u16(static_cast<std::uint16_t>(udp_size));
    out.u8(kUdp);
    out.u8(kTtl);
    out.bytes(from.address.bytes());
    out.bytes(to.address.bytes());
  }
}

/// Over the pseudo header too (RFC 768, RFC 8200 §8.1); 0 would mean none.
void write_udp(Writer& out, const Endpoint& from, const Endpoint& to, Bytes payload) {
  const std::size_t begin = out.size();
  const auto size = static_cast<std::uint16_t>(kUdpHeader + payload.size());
  out.u16(from.port);
  out.u16(to.port);
  out.u16(size);
  out.u16(0);
  out.bytes(payload);
  const auto rest = big_endian(std::uint32_t{kUdp} << 16 | size);
  const std::uint16_t sum = ip_checksum({from.address.bytes(), to.address.bytes(), rest, out.written().subspan(begin)});
  out.patch_u16(begin + 6, sum == 0 ? std::uint16_t{0xffff} : sum);
}

}  // namespace

Result<Capture::File> Capture::open_private(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, S_IRUSR | S_IWUSR);
  File file(fd < 0 ? nullptr : fdopen(fd, "ae"));
  // A file that was there already may be readable by others.
  if (!file || fchmod(fd, S_IRUSR | S_IWUSR) != 0) {
    auto failed = fail_errno("cannot write " + path, errno);
    if (failed.error().code == Error::kPermission) failed.error().detail += "; run as root";
    return failed;
  }
  return file;
}

Result<std::unique_ptr<Capture>> Capture::open(const CaptureFiles& files) {
  std::unique_ptr<Capture> capture(new Capture);
  if (!files.pcap.empty()) {
    auto file = open_private(files.pcap, O_TRUNC);
    if (!file) return std::unexpected(file.error());
    capture->pcap_ = std::move(*file);
    std::array<std::byte, kFileHeader> header{};
    Writer out(header);
    out.u32_le(kMagicNanoseconds);
    out.u32_le(kVersion24);
    out.zeros(8);  // time zone and accuracy
    out.u32_le(kSnapLength);
    out.u32_le(kLinkTypeRaw);
    capture->write(capture->pcap_, header, "the capture");
  }
  if (!files.keylog.empty()) {
    auto file = open_private(files.keylog, O_APPEND);
    if (!file) return std::unexpected(file.error());
    capture->keylog_ = std::move(*file);
    std::fprintf(stderr,
                 "bamgate: warning: %s gets the keys of this run: whoever reads it and has a capture can read all that "
                 "was sent and received, and act as this device; delete it when you are done\n",
                 files.keylog.c_str());
  }
  return capture;
}

void Capture::write(File& file, Bytes content, const char* what) {
  if (!file) return;
  if (std::fwrite(content.data(), 1, content.size(), file.get()) == content.size() && std::fflush(file.get()) == 0) {
    return;
  }
  std::fprintf(stderr, "bamgate: warning: %s ends here: %s\n", what, std::strerror(errno));
  file.reset();
}

void Capture::add_datagram(const Endpoint& from, const Endpoint& to, Bytes payload) {
  if (!pcap_ || payload.size() > kMaxPayload || from.address.family() != to.address.family()) return;
  std::vector<std::byte> record(kRecordHeader + kIpv6Header + kUdpHeader + payload.size());
  const std::size_t ip = from.address.is_v4() ? kIpv4Header : kIpv6Header;
  const auto size = static_cast<std::uint32_t>(ip + kUdpHeader + payload.size());
  const WallTime now = wall_now();
  Writer out(record);
  out.u32_le(static_cast<std::uint32_t>(now.unix.seconds));
  out.u32_le(now.nanoseconds);
  out.u32_le(size);
  out.u32_le(size);
  write_ip_header(out, from, to, kUdpHeader + payload.size());
  write_udp(out, from, to, payload);
  write(pcap_, out.written(), "the capture");
}

void Capture::add_message(const IpAddress& from, const IpAddress& to, Bytes message) {
  add_datagram({from, kWireGuardPort}, {to, kWireGuardPort}, message);
}

void Capture::add_dtls(Bytes client_random, Bytes master_secret) {
  std::string line = "CLIENT_RANDOM " + to_hex(client_random) + " " + to_hex(master_secret) + "\n";
  write(keylog_, as_bytes(line), "the key log");
  wipe(std::as_writable_bytes(std::span(line)));
}

// Wireshark takes a preshared key for that of the ephemeral key above it.
void Capture::add_wireguard(const WireGuardKeys& keys) {
  std::string lines = "LOCAL_STATIC_PRIVATE_KEY = " + to_base64(keys.local_static_private) + "\n" +
                      "REMOTE_STATIC_PUBLIC_KEY = " + to_base64(keys.remote_static_public) + "\n" +
                      "LOCAL_EPHEMERAL_PRIVATE_KEY = " + to_base64(keys.local_ephemeral_private) + "\n" +
                      "PRESHARED_KEY = " + to_base64(keys.preshared) + "\n";
  write(keylog_, as_bytes(lines), "the key log");
  wipe(std::as_writable_bytes(std::span(lines)));
}

}  // namespace bamgate::net
