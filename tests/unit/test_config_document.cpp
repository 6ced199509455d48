#include <array>
#include <boost/test/unit_test.hpp>

#include "common/base/file.hpp"
#include "common/config/client_keys.hpp"
#include "common/config/document/document.hpp"
#include "common/config/keys.hpp"
#include "common/config/write.hpp"

using namespace tertulia;
using namespace tertulia::config;

namespace {

// What the page has between a key's name and the next one.
std::string entry(const std::string& page, const Key& key) {
  const auto section = page.find(".SS \"[" + std::string(key.section) + "]\"\n");
  const auto at = page.find(".TP\n.B \"" + std::string(key.name) + " = ", section);
  BOOST_REQUIRE_MESSAGE(section != page.npos && at != page.npos, key.name);
  return page.substr(at + 4, page.find("\n.", at + 4) - at);
}

std::string without_quotes(std::string text) {
  std::erase(text, '"');
  for (std::size_t at = 0; (at = text.find("\\(dq")) != text.npos;) text.erase(at, 4);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config_document)

BOOST_AUTO_TEST_CASE(the_shipped_file_is_what_the_table_says) {
  const Bytes shipped = read_file(TERTULIA_SOURCE_DIR "/config/tertuliad.toml", 1 << 20);
  BOOST_TEST(std::string(as_text(shipped)) == commented_file(table(), broker_document()),
             "config/tertuliad.toml is not what common/config/keys.cpp says; make it anew with "
             "tertulia-config-document tertuliad.toml > config/tertuliad.toml");
}

BOOST_AUTO_TEST_CASE(the_shipped_presets_are_what_their_table_says) {
  const Bytes shipped = read_file(TERTULIA_SOURCE_DIR "/config/client.toml", 1 << 20);
  BOOST_TEST(std::string(as_text(shipped)) == commented_file(client_table(), client_document()),
             "config/client.toml is not what common/config/client_keys.cpp says; make it anew with "
             "tertulia-config-document client.toml > config/client.toml");
  const std::string page = man_page(client_table(), client_document(), "1");
  for (const auto& key : client_table().keys)
    BOOST_TEST(page.find(".TP\n.B \"" + std::string(key.name) + " = ") != page.npos, key.name);
}

BOOST_AUTO_TEST_CASE(the_page_has_every_key_with_default_range_and_what_a_change_needs) {
  const std::string page = man_page(table(), broker_document(), "1.2.3");
  const BrokerConfig defaults;
  for (const Key& key : keys()) {
    const std::string text = entry(page, key);
    BOOST_TEST(without_quotes(text).find(
                   without_quotes(std::string(key.name) + " = " + toml_value(key, defaults)) +
                   "\n") != text.npos,
               text);
    if (const auto* number = std::get_if<NumberKey<BrokerConfig>>(&key.value))
      BOOST_TEST(text.find(std::to_string(number->min)) != text.npos, text);
    BOOST_TEST(
        (text.find("A reload takes it up.") != text.npos) == (key.applies == Applies::at_reload),
        text);
    BOOST_TEST(key.doc.size() >= 10u, key.name);
    BOOST_TEST(!key.doc.ends_with('.'), key.name);
    BOOST_TEST((key.more.empty() || key.more.ends_with('.')), key.name);
  }
  for (const char* part : {".SH NAME\ntertuliad.toml \\- ", ".SH DESCRIPTION\n", ".SH FILES\n",
                           ".SH SEE ALSO\n", "\"tertulia 1.2.3\""})
    BOOST_TEST(page.find(part) != page.npos, part);
  for (const char c : page) BOOST_REQUIRE((c == '\n' || (c >= 0x20 && c < 0x7f)));
}

// A line that begins with a dot or an apostrophe is a request of roff's.
BOOST_AUTO_TEST_CASE(text_that_roff_would_obey_is_shown) {
  constexpr TextCheck kAny = [](std::string_view) { return std::optional<std::string>(); };
  constexpr std::array kKeys{KeyOf<BrokerConfig>{
      "data", "dir", TextKey{&BrokerConfig::data_dir, kAny}, "'tis", Applies::at_restart, ""}};
  const Table<BrokerConfig> odd{kKeys};
  Document document = broker_document();
  document.description = {".SH not a heading", "back\\slash"};
  const std::string page = man_page(odd, document, "1");
  BOOST_TEST(page.find("\n\\&.SH not") != page.npos);
  BOOST_TEST(page.find("back\\eslash") != page.npos);
  BOOST_TEST(page.find("\n\\(cqtis.\n") != page.npos);
}

BOOST_AUTO_TEST_SUITE_END()
