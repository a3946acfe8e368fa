// The options of the hub's sign-in by GitHub: what a person writes, checked.
#pragma once

#include <expected>
#include <string>

namespace bamgate::cli {

/// The address of GitHub's API as the hub core wants it, without a slash at its end. https, or http to a loopback
/// address: tokens never leave the machine in the clear. The error is a sentence.
std::expected<std::string, std::string> check_github_api(const std::string& text);

/// True for what may be a login: letters, digits, '-' and '_'.
bool is_github_login(const std::string& text);

}  // namespace bamgate::cli
