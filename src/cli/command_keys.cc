// bamgate genkey, bamgate pubkey: as `wg genkey` and `wg pubkey`.
#include <cstdio>
#include <iostream>
#include <string>

#include "cli/commands.h"
#include "core/plain_text.h"
#include "os/random.h"
#include "wg/keys.h"

namespace bamgate::cli {

ExitCode run_genkey() {
  os::SystemRandom random;
  std::string text = wg::PrivateKey::generate(random).to_base64();
  std::printf("%s\n", text.c_str());
  wipe(std::as_writable_bytes(std::span(text)));
  return ExitCode::kDone;
}

ExitCode run_pubkey() {
  std::string line;
  std::getline(std::cin, line);
  const auto key = wg::PrivateKey::parse(trim_text(line));
  wipe(std::as_writable_bytes(std::span(line)));
  if (!key) {
    return fail(ExitCode::kUsage,
                "standard input holds no private key: give it 44 characters of base64, as in "
                "'bamgate genkey | bamgate pubkey'");
  }
  std::printf("%s\n", key->public_key().to_string().c_str());
  return ExitCode::kDone;
}

}  // namespace bamgate::cli
