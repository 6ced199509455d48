// Lines in the journal's native protocol, sent to a socket of the test's own, and the catalog.
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <set>

#include "broker/events/events.hpp"
#include "broker/journal/journal.hpp"
#include "common/base/file.hpp"
#include "tests/unit/scratch_directory.hpp"

namespace tertulia::broker {

BOOST_AUTO_TEST_SUITE(broker_journal)

struct Journal : test::ScratchDirectory {
  Journal() : fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto file = *this / "journal";
    std::memcpy(address.sun_path, file.c_str(), file.native().size());
    BOOST_REQUIRE_EQUAL(
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    log_to_journal(file);
  }
  ~Journal() { log::set_sink(nullptr); }
  std::string next() const {
    char block[8192];
    const ssize_t n = ::recv(fd.get(), block, sizeof block, 0);
    return n < 0 ? std::string() : std::string(block, static_cast<std::size_t>(n));
  }
  UniqueFd fd;
};

BOOST_FIXTURE_TEST_CASE(an_event_keeps_its_message_id_and_fields, Journal) {
  log::event(events::disk_full, {{"seq", "7"}, {"reason", "no space"}}, "the disk is full");
  BOOST_TEST(next() ==
             "PRIORITY=3\nSYSLOG_IDENTIFIER=tertuliad\n"
             "MESSAGE_ID=0e9535cf7f7b4a62894703774b59f70b\nTERTULIA_EVENT=disk_full\n"
             "TERTULIA_SEQ=7\nTERTULIA_REASON=no space\nMESSAGE=the disk is full\n");
}

BOOST_FIXTURE_TEST_CASE(a_value_cannot_forge_a_field_or_a_line, Journal) {
  log::event(events::started, {{"reason", "a\nMESSAGE_ID=0\r\x7f"}}, "one\nTERTULIA_EVENT=two");
  const auto entry = next();
  BOOST_TEST(entry.find("\nMESSAGE_ID=0") == std::string::npos, entry);
  BOOST_TEST(entry.find("\nTERTULIA_EVENT=two") == std::string::npos, entry);
  BOOST_TEST(entry.find("MESSAGE=one?TERTULIA_EVENT=two\n") != std::string::npos, entry);
}

BOOST_FIXTURE_TEST_CASE(a_line_without_a_name_has_a_priority_only, Journal) {
  log::warning("it is {}", "so");
  BOOST_TEST(next() == "PRIORITY=4\nSYSLOG_IDENTIFIER=tertuliad\nMESSAGE=it is so\n");
}

BOOST_FIXTURE_TEST_CASE(a_journal_that_is_full_or_gone_makes_nobody_wait, Journal) {
  // Nobody reads: the socket's queue fills, and what does not fit goes to stderr
  for (int i = 0; i < 2000; ++i) log::debug("{}", i);
  log::set_level(log::Level::debug);
  for (int i = 0; i < 2000; ++i) log::debug("{}", i);
  log::set_level(log::Level::info);
  fd = UniqueFd();
  log::notice("the journal is gone, and this is on stderr");
}

BOOST_AUTO_TEST_CASE(every_event_is_in_the_catalog_once) {
  std::set<std::string_view> ids, names;
  const auto text = catalog();
  for (const auto& e : events::all) {
    BOOST_TEST(e.event->message_id.size() == 32u);
    BOOST_TEST(e.event->message_id.find_first_not_of("0123456789abcdef") == std::string_view::npos);
    BOOST_TEST(ids.insert(e.event->message_id).second, e.event->name);
    BOOST_TEST(names.insert(e.event->name).second, e.event->name);
    BOOST_TEST(text.find("-- " + std::string(e.event->message_id) + "\nSubject: ") !=
               std::string::npos);
    BOOST_TEST(!e.explanation.empty());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::broker
