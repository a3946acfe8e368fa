#include "host/tar.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace bamgate::host {
namespace {

// A header is one block; content is filled up to whole blocks; two blocks of zeros end the archive.
constexpr std::size_t kBlock = 512;
constexpr std::size_t kMaxMembers = 16;

struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kTime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr std::size_t kMagic = 257;

/// Octal digits with a zero byte behind them.
void put_number(std::string& header, Field field, std::uint64_t number) {
  for (std::size_t i = field.size - 1; i-- > 0; number /= 8) header[field.at + i] = static_cast<char>('0' + number % 8);
}

/// The bytes of the header as unsigned numbers, with the checksum itself read as blanks.
std::uint64_t checksum_of(std::string_view header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const bool own = i >= kChecksum.at && i < kChecksum.at + kChecksum.size;
    sum += own ? static_cast<unsigned char>(' ') : static_cast<unsigned char>(header[i]);
  }
  return sum;
}

std::optional<std::uint64_t> get_number(std::string_view header, Field field) {
  std::string_view text = header.substr(field.at, field.size);
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number, 8);
  const bool ended = stop == text.data() + text.size() || *stop == '\0' || *stop == ' ';
  if (error != std::errc{} || !ended) return std::nullopt;
  return number;
}

std::expected<TarMember, std::string> read_header(std::string_view header, std::uint64_t& size) {
  const auto checksum = get_number(header, kChecksum);
  if (!checksum || *checksum != checksum_of(header)) return std::unexpected("a header is damaged");
  const char type = header[kType];
  if (type != '0' && type != '\0') return std::unexpected("it holds something else than files");
  const auto length = get_number(header, kSize);
  const auto mode = get_number(header, kMode);
  std::string_view name = header.substr(kName.at, kName.size);
  name = name.substr(0, name.find('\0'));
  if (name.starts_with("./")) name.remove_prefix(2);
  if (!length || !mode || name.empty() || name.find('/') != name.npos) return std::unexpected("a header is malformed");
  size = *length;
  return TarMember{std::string(name), static_cast<std::uint32_t>(*mode & 0777), {}};
}

bool is_blank(std::string_view block) { return block.find_first_not_of('\0') == block.npos; }

}  // namespace

std::string write_tar(const std::vector<TarMember>& members, std::int64_t unix_time) {
  std::string archive;
  for (const TarMember& member : members) {
    std::string header(kBlock, '\0');
    header.replace(kName.at, member.name.size(), member.name);
    put_number(header, kMode, member.mode);
    put_number(header, kUid, 0);
    put_number(header, kGid, 0);
    put_number(header, kSize, member.content.size());
    put_number(header, kTime, static_cast<std::uint64_t>(std::max<std::int64_t>(unix_time, 0)));
    header[kType] = '0';
    header.replace(kMagic, 8, std::string_view("ustar\00000", 8));
    // Its last byte is a blank by tradition.
    put_number(header, {kChecksum.at, kChecksum.size - 1}, checksum_of(header));
    header[kChecksum.at + kChecksum.size - 1] = ' ';
    archive += header;
    archive += member.content;
    archive.resize((archive.size() + kBlock - 1) / kBlock * kBlock, '\0');
  }
  archive.append(2 * kBlock, '\0');
  return archive;
}

std::expected<std::vector<TarMember>, std::string> read_tar(std::string_view archive) {
  std::vector<TarMember> members;
  while (archive.size() >= kBlock) {
    const std::string_view header = archive.substr(0, kBlock);
    archive.remove_prefix(kBlock);
    if (is_blank(header)) return members;
    if (members.size() == kMaxMembers) return std::unexpected("it holds too many files");
    std::uint64_t size = 0;
    auto member = read_header(header, size);
    if (!member) return std::unexpected(member.error());
    if (size > archive.size()) return std::unexpected("it is cut short");
    member->content = archive.substr(0, size);
    archive.remove_prefix(std::min((size + kBlock - 1) / kBlock * kBlock, archive.size()));
    members.push_back(std::move(*member));
  }
  return std::unexpected("it is cut short");
}

}  // namespace bamgate::host
