// What changes make of a message, in whatever order they come.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>

#include "client/engine/fold.hpp"
#include "common/record/submission.hpp"

using namespace tertulia;
using namespace tertulia::client;
using record::Kind;

namespace {
UserId user(std::uint8_t n) {
  UserId id;
  id.bytes.fill(n);
  return id;
}
const UserId ana = user(1), beto = user(2), carla = user(3);

CachedMessage change(std::uint64_t room_seq, Kind kind, const UserId& sender, std::string text) {
  CachedMessage m;
  m.room_seq = room_seq;
  m.kind = static_cast<std::uint8_t>(kind);
  m.sender = sender;
  m.text = std::move(text);
  m.logged_at_ms = room_seq * 1000;
  return m;
}
CachedMessage original() { return change(1, Kind::text, ana, "Hola a todos"); }

std::string shown(const Folded& f) {
  std::string out = f.deleted ? "deleted" : f.text;
  for (const auto& r : f.reactions) out += " " + r.emoji + std::to_string(r.users.size());
  return out;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(engine_fold)

BOOST_AUTO_TEST_CASE(the_newest_edit_of_its_author_holds) {
  const Folded f = fold(original(), {change(5, Kind::edit, ana, "tercero"),
                                     change(3, Kind::edit, ana, "segundo"),
                                     change(9, Kind::edit, beto, "ajeno")});
  BOOST_TEST(f.text == "tercero");
  BOOST_TEST(f.edited_at_ms == 5000u);
  CachedMessage unverified = change(12, Kind::edit, ana, "falso");
  unverified.shown = false;
  BOOST_TEST(fold(original(), {unverified}).text == "Hola a todos");
}

BOOST_AUTO_TEST_CASE(a_delete_leaves_nothing_whatever_comes_after_it) {
  const Folded f = fold(original(), {change(2, Kind::reaction, beto, "👍"),
                                     change(4, Kind::erase, carla, ""),
                                     change(6, Kind::edit, ana, "otra vez"),
                                     change(7, Kind::reaction, beto, "❤"),
                                     change(8, Kind::erase, ana, "")});
  BOOST_TEST(f.deleted);
  BOOST_TEST((f.deleted_by == carla));
  BOOST_TEST(f.text == "");
  BOOST_TEST(f.reactions.empty());
  BOOST_TEST(f.edited_at_ms == 0u);
}

BOOST_AUTO_TEST_CASE(an_empty_reaction_takes_back_all_of_ones_own) {
  const std::vector<CachedMessage> changes{
      change(2, Kind::reaction, beto, "👍"), change(3, Kind::reaction, beto, "❤"),
      change(4, Kind::reaction, carla, "👍"), change(5, Kind::reaction, beto, "👍"),
      change(6, Kind::reaction, beto, ""), change(7, Kind::reaction, beto, "🎉")};
  BOOST_TEST(shown(fold(original(), changes)) == "Hola a todos 👍1 🎉1");
  BOOST_TEST(shown(fold(original(), {changes.begin(), changes.begin() + 4})) ==
             "Hola a todos 👍2 ❤1");
}

BOOST_AUTO_TEST_CASE(what_was_taken_back_leaves_no_place_behind) {
  const std::vector<CachedMessage> changes{
      change(2, Kind::reaction, beto, "👍"), change(3, Kind::reaction, ana, "🎉"),
      change(4, Kind::reaction, carla, "👍"), change(5, Kind::reaction, beto, ""),
      change(6, Kind::reaction, carla, "👍")};
  BOOST_TEST(shown(fold(original(), changes)) == "Hola a todos 🎉1 👍1");
}

BOOST_AUTO_TEST_CASE(the_order_of_arrival_makes_no_difference) {
  std::vector<CachedMessage> changes{
      change(2, Kind::reaction, beto, "👍"), change(3, Kind::edit, ana, "a"),
      change(4, Kind::reaction, beto, ""),   change(5, Kind::edit, ana, "b"),
      change(6, Kind::reaction, carla, "👍"), change(7, Kind::reaction, beto, "❤")};
  const std::string expected = shown(fold(original(), changes));
  BOOST_TEST(expected == "b 👍1 ❤1");
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    std::shuffle(changes.begin(), changes.end(), random);
    BOOST_TEST(shown(fold(original(), changes)) == expected);
  }
}

BOOST_AUTO_TEST_SUITE_END()
