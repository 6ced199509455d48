#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <ctime>

#include "client_gtk/models/grouping.hpp"
#include "client_gtk/models/timeline_model.hpp"

using namespace tertulia;
using gtk::GroupFacts;
using gtk::TimelineModel;
using gtk::TimelineStep;
using Kind = gtk::TimelineStep::Kind;

namespace {

client::Message logged(std::uint64_t room_seq, std::uint64_t local_id = 0) {
  client::Message m;
  m.room_seq = room_seq;
  m.local_id = local_id;
  m.own = local_id != 0;
  return m;
}

client::Message queued(std::uint64_t local_id) {
  client::Message m;
  m.local_id = local_id;
  m.own = true;
  m.state = client::MessageState::queued;
  return m;
}

std::vector<std::uint64_t> seqs(const TimelineModel& model) {
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i < model.size(); ++i) out.push_back(model.at(i).room_seq);
  return out;
}

using Steps = std::vector<TimelineStep>;
using Seqs = std::vector<std::uint64_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(client_gtk_timeline)

BOOST_AUTO_TEST_CASE(queued_message_that_was_sent_keeps_its_row) {
  TimelineModel model;
  model.reset({logged(1), logged(2), queued(7)});
  BOOST_TEST((model.upsert(logged(3, 7)) == Steps{{Kind::update, 2}}));
  BOOST_TEST(seqs(model) == (Seqs{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(sent_message_passes_a_failed_one_before_it) {
  TimelineModel model;
  model.reset({logged(1), queued(6), queued(7)});
  BOOST_TEST((model.upsert(logged(2, 7)) == Steps{{Kind::remove, 2}, {Kind::insert, 1}}));
  BOOST_TEST(seqs(model) == (Seqs{1, 2, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(broadcast_before_the_ack_gives_one_row) {
  TimelineModel model;
  model.reset({logged(1), queued(7)});
  BOOST_TEST((model.upsert(logged(2)) == Steps{{Kind::insert, 1}}));
  BOOST_TEST((model.upsert(logged(2, 7)) == Steps{{Kind::remove, 2}, {Kind::update, 1}}));
  BOOST_TEST(model.size() == 2);
  BOOST_TEST(model.upsert(queued(7)).empty());  // an older state, told late
}

BOOST_AUTO_TEST_CASE(older_page_is_put_in_front_without_overlap) {
  TimelineModel model;
  model.reset({logged(5), logged(6)});
  BOOST_TEST(model.prepend({logged(3), logged(4), logged(5)}) == 2);
  BOOST_TEST(seqs(model) == (Seqs{3, 4, 5, 6}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(detached_window_takes_nothing_new_until_it_reaches_the_newest) {
  TimelineModel model;
  model.reset({logged(1), logged(2), logged(3), queued(7)});
  BOOST_TEST(model.drop_back(2) == 2);
  BOOST_TEST(model.drop_back(0) == 0);
  BOOST_TEST(model.detached());
  BOOST_TEST(model.upsert(logged(4)).empty());
  BOOST_TEST(model.append({logged(2), logged(3)}, 3, 4) == 1);
  BOOST_TEST(model.detached());
  BOOST_TEST(model.append({logged(4)}, 4, 4) == 2);
  BOOST_TEST(!model.detached());
}

BOOST_AUTO_TEST_CASE(a_detached_window_ends_where_only_changes_follow) {
  TimelineModel model;
  model.reset({logged(1), logged(2), logged(3)});
  model.drop_back(1);
  // 4 to 9 are reactions
  BOOST_TEST(model.append({logged(2), logged(3)}, 5, 9) == 1);
  BOOST_TEST(model.detached());
  BOOST_TEST(model.append({logged(2), logged(3)}, 9, 9) == 0);
  BOOST_TEST(!model.detached());
}

BOOST_AUTO_TEST_CASE(unsent_messages_are_back_with_the_newest) {
  TimelineModel model;
  model.reset({logged(1), logged(2), logged(3), queued(7), queued(8), queued(9)});
  BOOST_TEST(model.drop_back(5) == 5);
  BOOST_TEST(model.upsert(queued(8)).empty());
  client::Message sent = logged(4);
  sent.local_id = 9;
  BOOST_TEST(model.upsert(sent).empty());
  BOOST_TEST(model.discard(7).empty());
  BOOST_TEST(model.append({logged(2)}, 2, 4) == 1);
  // 3, 4 (which was 9), and 8 behind them
  BOOST_TEST(model.append({logged(3), sent}, 4, 4) == 3);
  BOOST_TEST(model.size() == 5);
  BOOST_TEST(model.at(4).local_id == 8);
}

BOOST_AUTO_TEST_CASE(discarded_message_goes) {
  TimelineModel model;
  model.reset({logged(1), queued(7)});
  BOOST_TEST((model.discard(7) == Steps{{Kind::remove, 1}}));
  BOOST_TEST(model.discard(7).empty());
}

BOOST_AUTO_TEST_CASE(groups_end_at_author_pause_and_midnight) {
  setenv("TZ", "Europe/Madrid", 1);
  tzset();
  GroupFacts first;
  first.sender.bytes[0] = 1;
  first.shown_at_ms = 1'700'000'000'000;
  GroupFacts second = first;
  second.shown_at_ms += gtk::group_pause_ms;
  BOOST_TEST(gtk::starts_group(nullptr, first));
  BOOST_TEST(!gtk::starts_group(&first, second));
  second.shown_at_ms += 1;
  BOOST_TEST(gtk::starts_group(&first, second));
  second = first;
  second.sender.bytes[0] = 2;
  BOOST_TEST(gtk::starts_group(&first, second));
  // 22:59:59.999 and 23:00 UTC are two days in Madrid's winter
  first.shown_at_ms = 1'700'089'199'999;
  second = first;
  second.shown_at_ms += 1;
  BOOST_TEST(gtk::starts_day(&first, second));
  BOOST_TEST(gtk::starts_group(&first, second));
}

BOOST_AUTO_TEST_CASE(line_of_new_messages_stands_above_the_first_unread) {
  GroupFacts read, unread;
  read.room_seq = 4;
  unread.room_seq = 5;
  BOOST_TEST(gtk::is_first_unread(&read, unread, 4));
  BOOST_TEST(!gtk::is_first_unread(&read, unread, 5));
  BOOST_TEST(!gtk::is_first_unread(&unread, unread, 4));
}

BOOST_AUTO_TEST_SUITE_END()
