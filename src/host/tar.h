// Archives of a few small files in memory, in the ustar form that every tar reads (POSIX.1-2017, pax, "ustar
// Interchange Format"). Left out: folders, links, owners, names of more than 100 bytes, the extensions of pax and GNU.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace bamgate::host {

struct TarMember {
  std::string name;  // 1 to 100 bytes, no '/'
  std::uint32_t mode = 0600;
  std::string content;
};

/// `unix_time` is what each file says of its age.
std::string write_tar(const std::vector<TarMember>& members, std::int64_t unix_time);

/// Reads what write_tar() wrote, or a tar of regular files made by other means. The error is a short reason: a block
/// with a wrong checksum, another kind of member, an end that is missing.
std::expected<std::vector<TarMember>, std::string> read_tar(std::string_view archive);

}  // namespace bamgate::host
