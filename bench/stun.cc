// STUN: the messages of a connectivity check, which are the ones that a connection sends while it lives (RFC 8445 §7).
#include <array>
#include <memory>

#include "ice/check_message.h"
#include "os/native_crypto.h"
#include "stun/builder.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "support/seeded_random.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

struct Check {
  testing::SeededRandom random{1};
  os::NativeCrypto crypto;
  stun::TransactionId id = stun::make_transaction_id(random);
  std::string password = std::string(24, 'p');
  std::array<std::byte, 200> buffer{};
  std::size_t size = 0;

  Check() { build(); }

  void build() {
    const auto written = stun::Builder(buffer, stun::Class::kRequest, stun::Method::kBinding, id)
                             .text(stun::Attribute::kUsername, "remote01:local001")
                             .u32(stun::Attribute::kPriority, 1'853'824'767)
                             .u64(stun::Attribute::kIceControlling, 0x0123456789abcdef)
                             .integrity(crypto, as_bytes(password))
                             .fingerprint()
                             .finish();
    require(written.has_value(), "a check can be written");
    size = *written;
  }
  Bytes message() const { return Bytes(buffer).first(size); }
};

}  // namespace

void add_stun(Workloads& all) {
  all.push_back({"stun/parse", 0, [] {
                   return Instance{.run = [check = std::make_shared<Check>()] {
                     require(stun::Message::parse(check->message()).has_value(), "the check can be read");
                   }};
                 }});
  all.push_back(
      {"stun/build", 0, [] { return Instance{.run = [check = std::make_shared<Check>()] { check->build(); }}; }});
  all.push_back({"stun/integrity", 0, [] {
                   const auto check = std::make_shared<Check>();
                   return Instance{.run = [check, message = *stun::Message::parse(check->message())] {
                     const auto good = stun::check_integrity(message, check->crypto, as_bytes(check->password));
                     require(good.has_value(), "the check is authentic");
                   }};
                 }});
}

}  // namespace bamgate::bench
