#include "net/http_message.h"

#include <algorithm>

#include "net/http_text.h"

namespace bamgate::net {

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(left, right, {}, lower, lower);
}

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equal_ignoring_case(trimmed(list.substr(0, comma)), token)) return true;
    if (comma == list.npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view find_header(const std::vector<HttpHeader>& headers, std::string_view name) {
  for (const HttpHeader& header : headers) {
    if (equal_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

std::string_view HttpRequest::path() const { return std::string_view(target).substr(0, target.find('?')); }

std::string_view HttpRequest::query() const {
  const std::size_t mark = target.find('?');
  return mark == target.npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::string_view HttpRequest::bearer() const {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view value = header("Authorization");
  if (value.size() <= kScheme.size() || !equal_ignoring_case(value.substr(0, kScheme.size()), kScheme)) return {};
  return trimmed(value.substr(kScheme.size()));
}

HttpReply HttpReply::json(int status, std::string body) {
  HttpReply reply;
  reply.status = status;
  reply.headers.push_back({"Content-Type", "application/json"});
  reply.body = std::move(body);
  return reply;
}

// RFC 9110 §15, RFC 6585, RFC 4918 §11.5.
std::string_view reason_phrase(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 507:
      return "Insufficient Storage";
  }
  return "Other";
}

bool are_valid_headers(const std::vector<HttpHeader>& headers) {
  using namespace std::string_view_literals;
  return std::ranges::all_of(headers, [](const HttpHeader& header) {
    return !header.name.empty() && header.name.find_first_of("\r\n\0: \t"sv) == header.name.npos &&
           header.value.find_first_of("\r\n\0"sv) == header.value.npos;
  });
}

void append_headers(std::string& text, const std::vector<HttpHeader>& headers) {
  for (const HttpHeader& header : headers) text += header.name + ": " + header.value + "\r\n";
}

std::string write_reply(const HttpReply& reply, bool keep_alive, bool head_only) {
  std::string text =
      "HTTP/1.1 " + std::to_string(reply.status) + " " + std::string(reason_phrase(reply.status)) + "\r\n";
  append_headers(text, reply.headers);
  // RFC 9110 §8.6: no Content-Length in a reply with status 1xx or 204.
  const bool has_length = reply.status >= 200 && reply.status != 204;
  if (has_length) text += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
  text += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  // RFC 9110 §15.4.5: a 304 has no content either.
  if (has_length && !head_only && reply.status != 304) text += reply.body;
  return text;
}

std::string write_request(const HttpRequest& request, std::string_view authority) {
  std::string text = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + std::string(authority) + "\r\n";
  append_headers(text, request.headers);
  // RFC 9110 §8.6: a method that is defined to carry content sends its length even when it is zero.
  const bool expects_body = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (expects_body || !request.body.empty()) text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return text + "\r\n" + request.body;
}

}  // namespace bamgate::net
