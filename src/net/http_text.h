// Small helpers for the text of HTTP fields (RFC 9110 §5.6), private to net.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.h"

namespace bamgate::net {

/// ASCII letters count as equal in both cases.
bool equal_ignoring_case(std::string_view left, std::string_view right);

/// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);

/// True when the comma-separated `list` holds `token`, in any case.
bool has_token(std::string_view list, std::string_view token);

/// Appends "Name: value" lines.
void append_headers(std::string& text, const std::vector<HttpHeader>& headers);

}  // namespace bamgate::net
