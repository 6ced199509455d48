#include "client/cli/qr_text.hpp"

#include <qrencode.h>

#include <cerrno>
#include <memory>
#include <new>

namespace tertulia::cli {

namespace {
constexpr int kQuietModules = 2;  // of terminals' own margins the rest is made
constexpr const char* kBlackOnWhite = "\x1b[30;107m";
constexpr const char* kReset = "\x1b[0m";
}  // namespace

std::string qr_text(const std::string& text) {
  const std::unique_ptr<QRcode, void (*)(QRcode*)> code(
      QRcode_encodeString(text.c_str(), 0, QR_ECLEVEL_L, QR_MODE_8, 1), QRcode_free);
  if (!code) {
    if (errno == ENOMEM) throw std::bad_alloc();
    return {};
  }
  const int width = code->width;
  const auto is_dark = [&](int x, int y) {
    return x >= 0 && y >= 0 && x < width && y < width && (code->data[y * width + x] & 1) != 0;
  };
  std::string out;
  for (int y = -kQuietModules; y < width + kQuietModules; y += 2) {
    out += kBlackOnWhite;
    for (int x = -kQuietModules; x < width + kQuietModules; ++x) {
      const bool upper = is_dark(x, y), lower = is_dark(x, y + 1);
      out += upper ? (lower ? "█" : "▀") : (lower ? "▄" : " ");
    }
    out += std::string(kReset) + "\n";
  }
  return out;
}

}  // namespace tertulia::cli
