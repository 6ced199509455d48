// What people and rooms may be called: one rule for each kind, and one sentence for whatever breaks it.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "broker/names/names.hpp"
#include "common/wire/user_name.hpp"

namespace tertulia::broker {

namespace {
bool look_alike(std::string_view a, std::string_view b) {
  const auto of_a = skeletons(a), of_b = skeletons(b);
  return std::any_of(of_a.begin(), of_a.end(), [&](const std::string& s) {
    return std::find(of_b.begin(), of_b.end(), s) != of_b.end();
  });
}
std::string times(std::string_view text, int count) {
  std::string out;
  while (count-- > 0) out += text;
  return out;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(broker_names)

BOOST_AUTO_TEST_CASE(user_names_are_plain) {
  for (const std::string& name :
       std::initializer_list<std::string>{"ana", "a", "0", "ana.maria-2_b", times("a", 64)})
    BOOST_TEST(!wire::user_name_fault(name), name);
  const auto sentence = wire::user_name_fault("");
  BOOST_REQUIRE(sentence);
  for (const std::string& name : std::initializer_list<std::string>{
           "Ana", "ana ", " ana", "an a", ".ana", "-ana", "_ana", "ána", "аna", "ana\n", "ana/b",
           "ana\u202e", "ana\u200b", "@ana", times("a", 65), times("a", 300)})
    BOOST_TEST((wire::user_name_fault(name) == sentence), name);
  BOOST_TEST((wire::user_name_fault(std::string("a\0b", 3)) == sentence));
}

BOOST_AUTO_TEST_CASE(shown_names_are_what_can_be_seen) {
  for (const std::string& name : std::initializer_list<std::string>{
           "Ana María", "la cocina", "2º piso (norte)", "Łódź", "会議室", "קבוצה", "مطبخ",
           "🎉 fiesta", "👩‍🔬 lab", "❤️", "C++", times("ñ", 64)})
    BOOST_TEST(!shown_name_fault(name, "A room name"), name);
  const auto sentence = shown_name_fault("", "A room name");
  BOOST_REQUIRE(sentence);
  BOOST_TEST(sentence->starts_with("A room name has 1 to 128 bytes"));
  for (const std::string& name : std::initializer_list<std::string>{
           " ",        " a",       "a ",       "a  b",         "a\tb",         "a\nb",
           "a\x7f",    "a\u0085b", "a\u00a0b", "a\u2028b",     "a\u202eb",     "a\u2066b",
           "a\u200bb", "a\u200db", "a\u00adb", "\ufefFa",      "a\U000e0041",  "\ue000",
           "a\u3164b", "\xff",     "a\xc3",    times("ñ", 65), times("a", 300)})
    BOOST_TEST((shown_name_fault(name, "A room name") == sentence), name);
  BOOST_TEST((shown_name_fault(std::string("a\0b", 3), "A room name") == sentence));
}

BOOST_AUTO_TEST_CASE(a_topic_may_be_empty_and_longer) {
  BOOST_TEST(!topic_fault(""));
  BOOST_TEST(!topic_fault(times("a", 512)));
  BOOST_TEST(topic_fault(times("a", 513)).has_value());
  BOOST_TEST(topic_fault("a\u202eb").has_value());
}

BOOST_AUTO_TEST_CASE(what_looks_alike_is_told) {
  const std::pair<const char*, const char*> alike[] = {
      {"cocina", "Cocina"},   {"COCINA", "cocina"}, {"cocina", "сосina"},  // Cyrillic с, о, с
      {"Ideas", "ldeas"},     {"Ideas", "ideas"},   {"Ideas", "IDEAS"},   {"general", "genera1"},
      {"café", "cafe\u0301"}, {"al", "a1"},         {"raíz", "RAÍZ"},     {"rnar", "mar"},
      {"2O", "20"},           {"ﬁesta", "fiesta"},  {"ＡＢＣ", "abc"},
  };
  for (const auto& [a, b] : alike) BOOST_TEST(look_alike(a, b), a << " and " << b);
  const std::pair<const char*, const char*> different[] = {
      {"maria", "marla"}, {"mail", "mali"}, {"ana", "ane"}, {"norte", "norte 2"}, {"cana", "caña"}};
  for (const auto& [a, b] : different) BOOST_TEST(!look_alike(a, b), a << " and " << b);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::broker
