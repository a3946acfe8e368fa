// Secrets are gone when a session has ended: the test looks for them in all of the process's heap, also where memory
// was given back. Each search is first shown to find what it looks for.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "dtls/certificate_native.h"
#include "dtls/raw_peer.h"

namespace bamgate::dtls::testing {
namespace {

constexpr auto kMask = std::byte{0xa5};

/// Bytes to look for, kept in a form that the search does not find.
class Needle {
 public:
  explicit Needle(Bytes bytes) : first_(bytes.front()), masked_(bytes.begin(), bytes.end()) {
    for (std::byte& byte : masked_) byte ^= kMask;
  }
  /// One byte alone gives nothing away, and finding it is what memchr() is quick at.
  std::byte first() const { return first_; }
  bool stands_at(const std::byte* place) const {
    for (std::size_t i = 0; i < masked_.size(); ++i) {
      if ((place[i] ^ kMask) != masked_[i]) return false;
    }
    return true;
  }
  std::size_t size() const { return masked_.size(); }

 private:
  std::byte first_;
  Datagram masked_;
};

struct Area {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

/// The heap and everything else that is writable and belongs to no file; not the stack, where the test itself works.
std::vector<Area> areas() {
  std::vector<Area> all;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::string range;
    std::string rights;
    std::string offset;
    std::string device;
    std::string inode;
    std::string name;
    fields >> range >> rights >> offset >> device >> inode >> name;
    const std::size_t dash = range.find('-');
    const Area area{std::stoull(range.substr(0, dash), nullptr, 16), std::stoull(range.substr(dash + 1), nullptr, 16)};
    constexpr std::uintptr_t kLargest = 1U << 30;  // a sanitizer's shadow is larger
    const bool of_interest = name.empty() || name == "[heap]";
    if (rights.starts_with("rw") && of_interest && area.end - area.begin <= kLargest) all.push_back(area);
  }
  return all;
}

/// How often `needle` stands in memory.
int count(const Needle& needle) {
  static std::array<std::byte, 1U << 16> window{};
  const auto own = reinterpret_cast<std::uintptr_t>(window.data());
  const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  EXPECT_GE(memory, 0);
  int found = 0;
  for (const Area& area : areas()) {
    for (std::uintptr_t at = area.begin; at + needle.size() <= area.end; at += window.size() - needle.size()) {
      const auto got = pread(memory, window.data(), std::min(window.size(), static_cast<std::size_t>(area.end - at)),
                             static_cast<off_t>(at));
      if (got <= 0) break;  // a guard page
      const std::byte* end = window.data() + got;
      const auto next = [&](const std::byte* from) {
        const auto left = static_cast<std::size_t>(end - from);
        if (left < needle.size()) return end;
        const void* hit = std::memchr(from, std::to_integer<int>(needle.first()), left - needle.size() + 1);
        return hit == nullptr ? end : static_cast<const std::byte*>(hit);
      };
      for (const std::byte* place = next(window.data()); place != end; place = next(place + 1)) {
        const auto i = static_cast<std::size_t>(place - window.data());
        const bool in_window = at + i + needle.size() > own && at + i < own + window.size();
        if (!in_window && needle.stands_at(place)) ++found;
      }
    }
  }
  close(memory);
  wipe(window);
  return found;
}

TEST(DtlsWipe, MasterSecretAndTrafficKeysAreGoneWhenTheSessionHasEnded) {
  for (const bool closed_by_us : {true, false}) {
    Duel duel({.role = Role::kServer, .suites = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}});
    duel.exchange();
    ASSERT_TRUE(duel.both_connected());
    std::vector<std::byte> block = duel.theirs.keys().key_block(40);
    const Needle master(std::as_bytes(std::span(duel.theirs.keys().master)));
    const Needle client_key(Bytes(block).first(16));
    const Needle server_key(Bytes(block).subspan(16, 16));
    wipe(block);
    const Datagram close = Forge(duel.theirs.keys()).seal(false, 21, 100, Datagram{std::byte{1}, std::byte{0}});
    duel.theirs.forget();
    EXPECT_GT(count(master), 0);
    EXPECT_GT(count(client_key), 0);
    EXPECT_GT(count(server_key), 0);
    if (closed_by_us) {
      duel.ours.session->close(duel.now);
    } else {
      EXPECT_TRUE(duel.deliver(close));
    }
    EXPECT_EQ(count(master), 0);
    EXPECT_EQ(count(client_key), 0);
    EXPECT_EQ(count(server_key), 0);
  }
}

TEST(DtlsWipe, PlaintextIsNotLeftBehindByTheSession) {
  Duel duel({.role = Role::kServer});
  duel.exchange();
  SeededRandom random(9);
  Datagram secret(64);
  random.fill(secret);
  const Needle needle(secret);
  duel.theirs.send(secret);
  Datagram record = duel.theirs.take_output().at(0);
  {
    PacketBuffer sent = duel.ours.pool.copy(secret);
    wipe(secret);
    ASSERT_TRUE(duel.ours.session->seal(duel.now, sent));
    PacketBuffer received = duel.ours.pool.copy(record);
    ASSERT_TRUE(duel.ours.session->open(duel.now, received));
    EXPECT_EQ(count(needle), 1) << "only where its owner has it";
    wipe(received.data());
  }
  EXPECT_EQ(count(needle), 0);
}

TEST(DtlsWipe, ThePrivateKeyIsGoneWithItsCertificate) {
  SeededRandom random(5);
  auto certificate = Certificate::generate(random, kToday).value();
  // RFC 5915 §3: 7 bytes, then the 32 of the key; mbedTLS writes at the end of the buffer.
  std::array<std::byte, 256> der{};
  const int size = mbedtls_pk_write_key_der(&certificate->native().key, native(MutableBytes(der)), der.size());
  ASSERT_GT(size, 39);
  std::array<std::byte, 32> key{};
  copy_bytes(Bytes(der).last(static_cast<std::size_t>(size)).subspan(7, 32), key);
  wipe(der);
  std::ranges::reverse(key);  // mbedTLS keeps numbers with the lowest word first
  const Needle needle(key);
  wipe(key);
  EXPECT_EQ(count(needle), 1);
  certificate.reset();
  EXPECT_EQ(count(needle), 0);
}

}  // namespace
}  // namespace bamgate::dtls::testing
