// Edits, deletes, reactions, replies, mentions and bots, with the programs that people use.
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

constexpr std::uint64_t kMsMax = 20'000;

struct Table {
  TestBroker broker;
  Cli ana{broker.temp(), "ana"}, beto{broker.temp(), "beto"};
  Table() {
    ana.enrol(broker.invite("ana"));
    beto.enrol(broker.invite("beto"));
  }
  ~Table() { BOOST_TEST(broker.verify() == ""); }

  static void good(const Ran& ran) { BOOST_TEST(ran.code == 0, ran.err); }
  static void refused(const Ran& ran, const std::string& why, int code = 1) {
    BOOST_TEST(ran.code == code);
    BOOST_TEST(ran.err.find(why) != std::string::npos, ran.err);
  }
  static std::string say(Cli& who, const std::string& text) {
    const Ran ran = who.run({"send", "general", text, "--json"});
    good(ran);
    return json_lines(ran.out).at(0).at("id").get<std::string>();
  }
  static nlohmann::json history(Cli& who, std::vector<std::string> more = {}) {
    std::vector<std::string> args{"history", "general", "--json"};
    args.insert(args.end(), more.begin(), more.end());
    nlohmann::json out = nlohmann::json::array();
    for (const auto& line : json_lines(who.run(args).out)) out.push_back(line);
    return out;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(changes)

BOOST_FIXTURE_TEST_CASE(an_edit_is_what_everybody_reads_and_what_was_there_stays_in_the_log, Table) {
  const std::string id = say(ana, "a las diex");
  good(ana.run({"edit", "general", id, "a las diez"}));
  const auto read = history(beto);
  BOOST_REQUIRE(read.size() == 1u);
  BOOST_TEST(read[0].at("text") == "a las diez");
  BOOST_TEST(read[0].contains("edited_at"));
  const auto raw = history(beto, {"--raw"});
  BOOST_REQUIRE(raw.size() == 2u);
  BOOST_TEST(raw[0].at("text") == "a las diex");
  BOOST_TEST(raw[1].at("kind") == "edit");
  BOOST_TEST(raw[1].at("target") == id);
  refused(beto.run({"edit", "general", "#1", "a las once"}), "author");
  refused(ana.run({"edit", "general", "#2", "x"}), "itself a change");
  refused(ana.run({"edit", "general", "#99", "x"}), "There is no message");
  refused(ana.run({"edit", "general", "#no", "x"}), "number", 2);
  refused(ana.run({"edit", "general", "abc", "x"}), "eight or more", 2);
  refused(ana.run({"edit", "general", "#1", ""}), "empty");
}

BOOST_FIXTURE_TEST_CASE(a_deleted_message_leaves_a_note_and_no_words, Table) {
  say(beto, "lo que no quise decir");
  Process listening = ana.start({"listen", "--json", "--since", "1"});
  BOOST_REQUIRE(wait_until([&] { return listening.out().find("no quise") != std::string::npos; }, kMsMax));
  good(beto.run({"delete", "general", "#1"}));
  BOOST_REQUIRE(wait_until([&] { return listening.out().find("\"delete\"") != std::string::npos; }, kMsMax));
  BOOST_TEST(listening.terminate(kMsMax).has_value());
  for (Cli* who : {&ana, &beto}) {
    const auto read = history(*who);
    BOOST_REQUIRE(read.size() == 1u);
    BOOST_TEST(read[0].at("text") == "");
    BOOST_TEST(read[0].at("deleted") == true);
    BOOST_TEST(read[0].at("deleted_by") == "beto");
  }
  // Not even in the files of her profile
  std::string store;
  for (const char* name : {"store.db", "store.db-wal"})
    if (const auto path = broker.temp() / "ana" / name; std::filesystem::exists(path)) {
      const Bytes bytes = read_file(path, 64 << 20);
      store += as_text(bytes);
    }
  BOOST_TEST(!store.empty());
  BOOST_TEST(store.find("no quise decir") == std::string::npos);
  // The first user is the administrator: he may delete what others wrote, and they may not
  say(ana, "de ana");
  refused(beto.run({"delete", "general", "#3"}), "may not");
  say(beto, "de beto");
  good(ana.run({"delete", "general", "#4"}));
  BOOST_TEST(history(beto).back().at("deleted_by") == "ana");
}

BOOST_FIXTURE_TEST_CASE(reactions_are_counted_by_who_gave_them_and_taken_back, Table) {
  say(ana, "¡Aprobado!");
  good(beto.run({"react", "general", "#1", "👍"}));
  good(ana.run({"react", "general", "#1", "👍"}));
  good(beto.run({"react", "general", "#1", "🎉"}));
  const auto with = history(ana)[0].at("reactions");
  BOOST_TEST(with.at("👍") == (nlohmann::json{"beto", "ana"}));
  BOOST_TEST(with.at("🎉") == (nlohmann::json{"beto"}));
  good(beto.run({"react", "general", "#1"}));
  const auto after = history(ana)[0].at("reactions");
  BOOST_TEST(after.at("👍") == (nlohmann::json{"ana"}));
  BOOST_TEST(!after.contains("🎉"));
  refused(beto.run({"react", "general", "#1", std::string(65, 'x')}), "64 bytes");
}

BOOST_FIXTURE_TEST_CASE(a_reply_says_what_it_answers_and_a_mention_whom_it_means, Table) {
  const std::string id = say(ana, "¿Quién trae el pan?");
  good(beto.run({"send", "general", "Yo, @ana", "--reply-to", "#1"}));
  const auto read = history(ana);
  BOOST_REQUIRE(read.size() == 2u);
  BOOST_TEST(read[1].at("reply_to") == id);
  BOOST_TEST(read[1].at("mentions") == (nlohmann::json{"ana"}));
  BOOST_TEST(read[1].at("mentions_me") == true);
  BOOST_TEST(!history(beto)[1].contains("mentions_me"));
  const std::string lines = ana.run({"history", "general"}).out;
  BOOST_TEST(lines.find("↳ #1 ana: ¿Quién trae el pan?") != std::string::npos, lines);
  good(ana.run({"delete", "general", id}));
  const std::string later = beto.run({"history", "general"}).out;
  BOOST_TEST(later.find("↳ #1 ana: [deleted]") != std::string::npos, later);
  good(ana.run({"send", "general", "todos: @room"}));
  BOOST_TEST(history(beto).back().at("mentions_me") == true);
}

BOOST_FIXTURE_TEST_CASE(a_bot_in_one_line_answers_each_message_once_and_not_itself, Table) {
  Cli bot{broker.temp(), "eco"};
  bot.enrol(broker.invite("eco", "bot"));
  Process watching = bot.start(
      {"watch", "general", "--exec", "cat >/dev/null; echo \"eco de $TERTULIA_SENDER\"; echo dos"});
  BOOST_REQUIRE(wait_until([&] { return watching.err().find("listening") != std::string::npos; }, kMsMax));
  const std::string first = say(ana, "uno");
  say(beto, "dos");
  BOOST_REQUIRE(wait_until([&] { return history(ana).size() == 4u; }, kMsMax));
  good(ana.run({"edit", "general", first, "uno, corregido"}));  // is no new message
  say(ana, "fin");
  BOOST_REQUIRE(wait_until([&] { return history(ana).size() == 6u; }, kMsMax));
  std::map<std::string, std::string> answers;
  for (const auto& m : history(ana))
    if (m.at("sender") == "eco") answers[m.at("reply_to")] = m.at("text");
  BOOST_TEST(answers.size() == 3u);
  BOOST_TEST(answers.at(first) == "eco de ana\ndos");
  BOOST_TEST((watching.terminate(kMsMax) == 0));
}

BOOST_FIXTURE_TEST_CASE(a_bots_command_that_hangs_or_fails_is_said_and_the_next_one_runs, Table) {
  Process watching = beto.start({"watch", "--exec-timeout", "1", "--exec",
                                 "case $TERTULIA_ROOM_SEQ in 1) sleep 600 & sleep 600;; 2) exit 7;; "
                                 "*) grep -o '\"text\":\"[^\"]*\"';; esac"});
  BOOST_REQUIRE(wait_until([&] { return watching.err().find("listening") != std::string::npos; }, kMsMax));
  for (const char* text : {"uno", "dos", "tres"}) say(ana, text);
  BOOST_REQUIRE(wait_until([&] { return history(ana).size() == 4u; }, kMsMax));
  BOOST_TEST(history(ana).back().at("text") == "\"text\":\"tres\"");
  BOOST_TEST(watching.err().find("did not end in 1 s for message #1") != std::string::npos);
  BOOST_TEST(watching.err().find("ended with 7 for message #2") != std::string::npos);
  BOOST_TEST((watching.terminate(kMsMax) == 0));
  refused(beto.run({"watch", "nowhere", "--exec", "true"}), "You are in no room");
}

BOOST_FIXTURE_TEST_CASE(a_bots_answer_that_is_refused_is_said_and_not_kept, Table) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"room", "create", "avisos", "--kind", "announcement", "--owner",
                                 "ana"},
        {"room", "add", "avisos", "beto"}})
    good(broker.ctl(args));
  Process watching = beto.start({"watch", "avisos", "--exec", "echo gracias"});
  BOOST_REQUIRE(wait_until([&] { return watching.err().find("listening") != std::string::npos; }, kMsMax));
  good(ana.run({"send", "avisos", "mañana no hay clase"}));
  BOOST_TEST(wait_until(
      [&] { return watching.err().find("The answer in avisos was refused") != std::string::npos; },
      kMsMax));
  BOOST_TEST((watching.terminate(kMsMax) == 0));
  // The next program of this profile finds nothing that it would say once more
  const Ran again = beto.run({"history", "avisos"});
  BOOST_TEST(again.out.find("gracias") == std::string::npos, again.out);
}

BOOST_FIXTURE_TEST_CASE(a_bots_command_that_says_more_than_is_read_is_killed_in_its_time, Table) {
  Process watching = beto.start({"watch", "--exec-timeout", "1", "--exec", "yes"});
  BOOST_REQUIRE(wait_until([&] { return watching.err().find("listening") != std::string::npos; }, kMsMax));
  say(ana, "uno");
  BOOST_TEST(wait_until(
      [&] { return watching.err().find("did not end in 1 s for message #1") != std::string::npos; },
      kMsMax));
  BOOST_TEST((watching.terminate(kMsMax) == 0));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
