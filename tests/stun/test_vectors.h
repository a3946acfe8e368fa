// The sample messages of RFC 5769 and RFC 8489 appendix B, as hex.
#pragma once

#include <string_view>
#include <vector>

#include "core/encoding.h"

namespace bamgate::testing {

inline std::vector<std::byte> unhex(std::string_view text) { return from_hex(text).value(); }

inline constexpr std::string_view kSamplePassword = "VOkJxbRl1RmTxUk/WvJxBt";

// RFC 5769 §2.1: a connectivity check.
inline constexpr std::string_view kSampleRequest =
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff"
    "80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf";

// RFC 5769 §2.2: the answer, IPv4.
inline constexpr std::string_view kSampleResponse4 =
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96";

// RFC 5769 §2.3: the answer, IPv6.
inline constexpr std::string_view kSampleResponse6 =
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c";

// RFC 5769 §2.4: long-term credentials.
inline constexpr std::string_view kSampleLongTerm =
    "000100602112a44278ad3433c6ad72c029da412e"
    "00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b3935346436"
    "4f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

// RFC 8489 appendix B.1 as erratum 6268 corrects it: USERHASH, PASSWORD-ALGORITHM and MESSAGE-INTEGRITY-SHA256.
inline constexpr std::string_view kSampleSha256 =
    "000100902112a44278ad3433c6ad72c029da412e"
    "001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704"
    "001500296f624d61744a6f73324141414366"
    "2f2f3439396b3935346436"
    "4f4c33346f4c39465354767936347341000000"
    "0014000b6578616d706c652e6f726700"
    "001d000400020000"
    "001c0020b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65";

// RFC 8489 appendix B.1 as printed: its length says 156 where 136 bytes follow, and its HMAC was made over that.
inline constexpr std::string_view kSampleSha256AsPrinted =
    "0001009c2112a44278ad3433c6ad72c029da412e"
    "001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704"
    "001500296f624d61744a6f73324141414366"
    "2f2f3439396b3935346436"
    "4f4c33346f4c39465354767936347341000000"
    "0014000b6578616d706c652e6f726700"
    "001c0020e4686c8f0edeb59013e07090010a93efccbccc544c0a45d9f830aa6d6f735a01";

// "Matrix" in Katakana, and the password after SASLprep.
inline constexpr std::string_view kLongTermUser =
    "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9";
inline constexpr std::string_view kLongTermPassword = "TheMatrIX";

}  // namespace bamgate::testing
