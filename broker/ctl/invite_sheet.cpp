#include "broker/ctl/invite_sheet.hpp"

#include <fmt/format.h>
#include <qrencode.h>

#include <ctime>
#include <memory>

#include "broker/ctl/target.hpp"

namespace tertulia::ctl {

namespace {

constexpr int kQuietModules = 4;  // ISO/IEC 18004: the empty margin around a code

// System fonts only; sizes in points and millimetres, so that paper looks like the screen.
constexpr const char* kStyle = R"css(
:root { --ink: #1d1d1f; --quiet: #5c5c66; --line: #c9c9d1; --accent: #7a2e4d; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #ececf0; font: 10.5pt/1.42 "Cantarell", "Noto Sans",
  "DejaVu Sans", "Segoe UI", Helvetica, Arial, sans-serif; }
.page { background: #fff; width: 196mm; margin: 8mm auto; padding: 10mm; break-inside: avoid; }
.page + .page { break-before: page; }
header { display: flex; justify-content: space-between; align-items: baseline; gap: 8mm;
  border-bottom: 0.7mm solid var(--accent); padding-bottom: 2.5mm; }
header strong { font-size: 12pt; color: var(--accent); overflow-wrap: anywhere; }
header span { color: var(--quiet); font-size: 9pt; text-align: right; white-space: nowrap; }
h1 { font-size: 25pt; line-height: 1.15; margin: 6mm 0 1mm; overflow-wrap: anywhere; }
.lead { margin: 0 0 6mm; color: var(--quiet); }
.top { display: flex; gap: 8mm; align-items: flex-start; }
.top svg { flex: none; width: 62mm; height: 62mm; border: 0.25mm solid var(--line); }
dl { margin: 0; flex: 1; min-width: 0; }
dt { color: var(--quiet); font-size: 8.5pt; }
dd { margin: 0 0 3mm; font-weight: 600; overflow-wrap: anywhere; }
dd.mono { font: 600 11pt/1.5 "DejaVu Sans Mono", "Noto Sans Mono", Consolas, monospace;
  word-spacing: 0.15em; }
.label { margin: 5mm 0 1mm; color: var(--quiet); font-size: 8.5pt; }
.invite { margin: 0; padding: 2.5mm 3mm; border: 0.25mm solid var(--line); border-radius: 1.5mm;
  background: #f6f6f8; font: 8.5pt/1.45 "DejaVu Sans Mono", "Noto Sans Mono", Consolas, monospace;
  overflow-wrap: anywhere; word-break: break-all; user-select: all; -webkit-user-select: all; }
.steps { display: grid; grid-template-columns: 1fr 1fr; gap: 9mm; margin-top: 6mm; }
.steps h2 { font-size: 11pt; margin: 0 0 1.5mm; color: var(--accent); }
.steps ol { margin: 0; padding-left: 5.5mm; }
.steps li { margin-bottom: 1.6mm; }
.steps li::marker { color: var(--accent); font-weight: 700; }
footer { margin-top: 5mm; padding-top: 2.5mm; border-top: 0.25mm solid var(--line); font-size: 8.5pt;
  color: var(--quiet); display: grid; grid-template-columns: 1fr 1fr; gap: 9mm; }
footer p { margin: 0; }
@media screen and (max-width: 190mm) {
  .page { width: auto; margin: 0 0 4mm; padding: 5mm; }
  header, .top { flex-wrap: wrap; }
  header span { white-space: normal; text-align: left; }
  dl { flex-basis: 50mm; }
  .steps, footer { grid-template-columns: 1fr; gap: 4mm; }
}
@media print {
  @page { margin: 14mm; }
  body { background: none; }
  .page { width: auto; margin: 0; padding: 0; }
  .invite { background: none; }
}
)css";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  return out;
}

// One stroke for each row: a run of dark modules is a line, what is between them is moved over.
std::string qr_svg(const std::string& text) {
  struct Free {
    void operator()(QRcode* code) const { QRcode_free(code); }
  };
  const std::unique_ptr<QRcode, Free> code(
      QRcode_encodeData(static_cast<int>(text.size()),
                        reinterpret_cast<const unsigned char*>(text.data()), 0, QR_ECLEVEL_M));
  if (!code)
    throw Failure{exit_refused,
                  fmt::format("The invite of {} bytes does not fit into a QR code: advertise fewer "
                              "addresses ([listen] advertise).",
                              text.size())};
  const int size = code->width + 2 * kQuietModules;
  std::string path;
  for (int y = 0; y < code->width; ++y) {
    path += fmt::format("M{} {}.5", kQuietModules, y + kQuietModules);
    const unsigned char* row = code->data + static_cast<std::ptrdiff_t>(y) * code->width;
    for (int x = 0; x < code->width;) {
      int end = x;
      while (end < code->width && (row[end] & 1) == (row[x] & 1)) ++end;
      if ((row[x] & 1) != 0)
        path += fmt::format("h{}", end - x);
      else if (end < code->width)
        path += fmt::format("m{} 0", end - x);
      x = end;
    }
  }
  return fmt::format(
      "<svg viewBox=\"0 0 {0} {0}\" role=\"img\" aria-label=\"QR\" "
      "shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{0}v{0}H0z\"/>"
      "<path fill=\"none\" stroke=\"#000\" d=\"{1}\"/></svg>",
      size, path);
}

struct Steps {
  const char* language;
  const char* title;
  const char* steps[5];  // the fourth of a class link is `choose`
  const char* choose;
  const char* once;
  const char* for_many;
};
constexpr Steps kSteps[] = {
    {"en",
     "How to join",
     {"Start <b>Tertulia</b> on your computer. If it is not there, ask whoever gave you this page.",
      "Bring the invite into the field <b>Invite</b>: scan the code, or copy the text of the box.",
      "Compare the <b>fingerprint</b> that Tertulia shows with the one on this page. If they "
      "differ, "
      "stop and tell your administrator.",
      "Say how others are to see you.", "Press <b>Join</b>."},
     "Choose your <b>user name</b>: small letters and digits, such as <b>ana.garcia</b>; and say "
     "how "
     "others are to see you.",
     "Good for one device, once. Whoever has this page can join in your place: keep it like a "
     "password, and destroy it when you have joined.",
     "Whoever has this page can join. Give it only to those it is for, and take it back when they "
     "have joined."},
    {"es",
     "Cómo unirse",
     {"Abra <b>Tertulia</b> en su ordenador. Si no está, pida ayuda a quien le dio esta hoja.",
      "Lleve la invitación al campo <b>Invitación</b>: escanee el código o copie el texto del "
      "recuadro.",
      "Compare la <b>huella</b> que muestra Tertulia con la de esta hoja. Si no son iguales, no "
      "siga "
      "y avise a su administrador.",
      "Diga cómo le verán los demás.", "Pulse <b>Unirse</b>."},
     "Elija su <b>nombre de usuario</b>: minúsculas y cifras, como <b>ana.garcia</b>; y diga cómo "
     "le "
     "verán los demás.",
     "Vale para un dispositivo, una sola vez. Quien tenga esta hoja puede unirse en su lugar: "
     "guárdela como una contraseña y destrúyala cuando se haya unido.",
     "Quien tenga esta hoja puede unirse. Désela solo a quienes corresponde y recójala cuando se "
     "hayan unido."},
};

std::string page_html(const Sheet& sheet, const SheetPage& page) {
  const bool many = page.user_name.empty();
  std::string out = fmt::format(
      "<section "
      "class=\"page\">\n<header><strong>{}</strong><span>{}</span></header>\n<h1>{}</h1>\n",
      escaped(sheet.server),
      many ? "Tertulia · Invite for several · Invitación para varios"
           : "Tertulia · Personal invite · Invitación personal",
      escaped(page.who));
  out +=
      many ? fmt::format("<p class=\"lead\">For {0} people · Para {0} personas</p>\n", page.uses)
           : std::string("<p class=\"lead\">You are invited to join · Le invitamos a unirse</p>\n");
  out += "<div class=\"top\">" + qr_svg(page.invite) + "\n<dl>\n";
  const auto fact = [&](const char* what, const std::string& is, const char* style = "") {
    out += fmt::format("<dt>{}</dt><dd{}>{}</dd>\n", what, style, escaped(is));
  };
  if (!many) fact("User name · Nombre de usuario", page.user_name);
  fact("Server · Servidor", sheet.server);
  fact("Good until · Válida hasta", page.until);
  fact("Fingerprint · Huella", sheet.fingerprint, " class=\"mono\"");
  out += fmt::format(
      "</dl></div>\n<p class=\"label\">Invite · Invitación</p>\n<p class=\"invite\">{}</p>\n"
      "<div class=\"steps\">\n",
      escaped(page.invite));
  for (const Steps& in : kSteps) {
    out += fmt::format("<div lang=\"{}\"><h2>{}</h2><ol>\n", in.language, in.title);
    for (std::size_t i = 0; i < std::size(in.steps); ++i)
      out += fmt::format("<li>{}</li>\n", many && i == 3 ? in.choose : in.steps[i]);
    out += "</ol></div>\n";
  }
  out += "</div>\n<footer>\n";
  for (const Steps& in : kSteps)
    out += fmt::format("<p lang=\"{}\">{}</p>\n", in.language, many ? in.for_many : in.once);
  return out + "</footer>\n</section>\n";
}

}  // namespace

std::string sheet_html(const Sheet& sheet) {
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n<title>{} · Tertulia</title>\n<style>{}</style>\n</head>\n<body>\n",
      escaped(sheet.server), kStyle);
  for (const SheetPage& page : sheet.pages) out += page_html(sheet, page);
  return out + "</body>\n</html>\n";
}

std::string local_time(std::uint64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[64];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M %Z", &parts);
  return std::string(text, length);
}

}  // namespace tertulia::ctl
