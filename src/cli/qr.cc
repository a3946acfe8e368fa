#include "cli/qr.h"

#include <qrencode.h>

#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/terminal.h"

namespace bamgate::cli {

void print_qr(const std::string& text) {
  const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
      QRcode_encodeString(text.c_str(), 0, QR_ECLEVEL_L, QR_MODE_8, 1), &QRcode_free);
  if (!code) return;
  // Two rows of modules in one line of half blocks; light is foreground, so that it reads on a dark terminal too.
  constexpr int kBorder = 2;
  const auto needed = static_cast<std::size_t>(code->width + 2 * kBorder);
  const std::size_t columns = terminal_size(STDERR_FILENO).columns;
  if (is_terminal(STDERR_FILENO) && columns < needed) {
    std::fprintf(stderr, "(no QR code: it needs %zu columns and this terminal has %zu; make it wider and ask again)\n",
                 needed, columns);
    return;
  }
  const auto light = [&](int x, int y) {
    const bool inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
    return !inside || (code->data[y * code->width + x] & 1) == 0;
  };
  for (int y = -kBorder; y < code->width + kBorder; y += 2) {
    std::string line;
    for (int x = -kBorder; x < code->width + kBorder; ++x) {
      const bool upper = light(x, y);
      const bool lower = light(x, y + 1);
      line += upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
    }
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

}  // namespace bamgate::cli
