// Who is meant by "@name".
#include <boost/test/unit_test.hpp>

#include "client/engine/mentions.hpp"

using namespace tertulia;
using namespace tertulia::client;

namespace {
UserId user(std::uint8_t n) {
  UserId id;
  id.bytes.fill(n);
  return id;
}
const std::vector<Mentionable> people{
    {user(1), "ana"}, {user(2), "ana.b"}, {user(3), "beto"}, {user(4), "jose-luis"}};

// The numbers of those who are meant; 0 is the room.
std::string meant(std::string_view text) {
  std::string out;
  for (const auto& id : mentions_of(text, people)) out += static_cast<char>('0' + id.bytes[0]);
  return out;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(engine_mentions)

BOOST_AUTO_TEST_CASE(names_are_found_where_they_stand_alone) {
  BOOST_TEST(meant("@ana, ¿vienes?") == "1");
  BOOST_TEST(meant("¿Vienes, @ana?") == "1");
  BOOST_TEST(meant("(@beto) y @ANA") == "31");
  BOOST_TEST(meant("@ana @ana @ana") == "1");
  BOOST_TEST(meant("@room: reunión a las diez") == "0");
  BOOST_TEST(meant("@jose-luis.") == "4");
  BOOST_TEST(meant("nadie") == "");
}

BOOST_AUTO_TEST_CASE(the_longest_name_that_fits_counts) {
  BOOST_TEST(meant("@ana.b") == "2");
  BOOST_TEST(meant("@ana.") == "1");  // the end of a sentence
  BOOST_TEST(meant("@ana...") == "1");
}

BOOST_AUTO_TEST_CASE(a_part_of_a_word_means_nobody) {
  BOOST_TEST(meant("correo@ana.example") == "");
  BOOST_TEST(meant("@anabel") == "");
  BOOST_TEST(meant("@ana.c") == "");
  BOOST_TEST(meant("ñ@ana") == "");
  BOOST_TEST(meant("@anañ") == "");
  BOOST_TEST(meant("@@ana") == "");
  BOOST_TEST(meant("@") == "");
  BOOST_TEST(meant("@roommate") == "");
}

BOOST_AUTO_TEST_CASE(a_text_of_nothing_but_names_has_an_end) {
  std::vector<Mentionable> many;
  std::string text;
  for (int i = 0; i < 400; ++i) {
    UserId id;
    id.bytes[0] = static_cast<std::uint8_t>(i >> 8);
    id.bytes[1] = static_cast<std::uint8_t>(i);
    id.bytes[2] = 1;
    many.push_back({id, "u" + std::to_string(i)});
    text += "@u" + std::to_string(i) + " ";
  }
  BOOST_TEST(mentions_of(text, many).size() == mentions_max);
}

BOOST_AUTO_TEST_SUITE_END()
