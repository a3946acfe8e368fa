// The hub's certificate in files that are renewed while it serves.
#include "host/tls_watch.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "net/clock.h"
#include "net/tls_identity.h"
#include "os/random.h"

namespace bamgate::host {
namespace {

namespace fs = std::filesystem;

class TlsWatchTest : public ::testing::Test {
 protected:
  TlsWatchTest() {
    std::string name = (fs::temp_directory_path() / "bamgate-tls-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    write(make());
  }
  ~TlsWatchTest() override { fs::remove_all(folder_); }

  net::TlsIdentity make() { return *net::make_self_signed(random_, "hub", net::unix_now()); }
  void write(const net::TlsIdentity& identity) {
    std::ofstream(files().certificate) << identity.cert_pem;
    std::ofstream(files().key) << identity.key_pem;
  }
  TlsFiles files() const { return {folder_ / "cert.pem", folder_ / "key.pem"}; }
  TlsWatch::Use count() {
    return [this](const std::shared_ptr<const net::TlsContext>& tls) { used_ += tls ? 1 : 0; };
  }
  bool wait_for(int used) {
    return loop_.run_until([&] { return used_ >= used; }, 4 * TlsWatch::kInterval);
  }

  os::SystemRandom random_;
  net::Loop loop_;
  HubLog log_{LogFormat::kText, false};
  fs::path folder_;
  int used_ = 0;
};

TEST_F(TlsWatchTest, APairIsReadAndWhatIsNoneNamesItsFiles) {
  EXPECT_TRUE(read_tls(files()));
  const net::TlsIdentity other = make();
  std::ofstream(files().key) << other.key_pem;
  const auto refused = read_tls(files());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find("key.pem: the TLS key and certificate do not belong together"), std::string::npos)
      << refused.error();
  fs::remove(files().certificate);
  EXPECT_NE(read_tls(files()).error().find("cert.pem"), std::string::npos);
}

TEST_F(TlsWatchTest, ARenewedPairIsNoticed) {
  const TlsWatch watch(loop_, log_, files(), count());
  write(make());
  EXPECT_TRUE(wait_for(1));
}

TEST_F(TlsWatchTest, ABrokenPairIsNotUsedAndTheNextGoodOneIs) {
  TlsWatch watch(loop_, log_, files(), count());
  std::ofstream(files().key) << "nonsense";
  watch.reload();
  EXPECT_EQ(used_, 0);
  write(make());
  watch.reload();
  EXPECT_EQ(used_, 1);
}

}  // namespace
}  // namespace bamgate::host
