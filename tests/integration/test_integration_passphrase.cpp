// A profile that is locked with a passphrase: who has it works as before, who has not is told so.
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>

#include "common/base/file.hpp"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

struct Locked {
  TestBroker broker;
  Cli ana{broker.temp(), "ana"};
  Locked() { ana.enrol(broker.invite("ana")); }
  ~Locked() { BOOST_TEST(broker.verify() == ""); }

  std::string file(const std::string& name, const std::string& text) {
    const auto path = broker.temp() / name;
    std::ofstream(path) << text;
    return path.string();
  }
  std::string key() const {
    std::ifstream in(ana.profile() / "device.key");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void refused(const Ran& ran, int code, const std::string& why) {
    BOOST_TEST(ran.code == code);
    BOOST_TEST(ran.err.find(why) != std::string::npos, ran.err);
    BOOST_TEST(lines_of(ran.err).size() == 1u, ran.err);
  }
};

}  // namespace

// tertulia-cli at a terminal of its own, as somebody who types meets it.
class AtTerminal {
 public:
  AtTerminal(const Cli& who, std::vector<std::string> args) {
    args.insert(args.begin(), {tertulia_cli_path(), "--profile", who.profile().string()});
    std::vector<char*> argv;
    for (auto& a : args) argv.push_back(a.data());
    argv.push_back(nullptr);
    const std::string presets = who.presets().string();
    int master = -1;
    child_ = ::forkpty(&master, nullptr, nullptr, nullptr);
    BOOST_REQUIRE(child_ >= 0);
    if (child_ == 0) {
      ::setenv("TERTULIA_PRESETS", presets.c_str(), 1);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    terminal_.reset(master);
  }
  ~AtTerminal() {
    if (child_ < 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  AtTerminal(const AtTerminal&) = delete;
  AtTerminal& operator=(const AtTerminal&) = delete;

  // Waits for what comes after what was waited for before; then types.
  void type_after(const std::string& prompt, const std::string& text) {
    const auto deadline = Deadline::in_ms(20'000);
    std::size_t at = shown.npos;
    while ((at = shown.find(prompt, seen_)) == shown.npos && deadline.left_ms() > 0 && read_some()) {
    }
    BOOST_REQUIRE_MESSAGE(at != shown.npos, shown);
    seen_ = at + prompt.size();
    BOOST_REQUIRE(::write(terminal_.get(), text.data(), text.size()) ==
                  static_cast<ssize_t>(text.size()));
  }
  int exit_code() {
    while (read_some()) {
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(std::exchange(child_, -1), &status, 0) > 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string shown;

 private:
  // False: the program has ended, or nothing comes any more.
  bool read_some() {
    pollfd polled{terminal_.get(), POLLIN, 0};
    char chunk[1024];
    if (::poll(&polled, 1, 20'000) <= 0) return false;
    const ssize_t n = ::read(terminal_.get(), chunk, sizeof chunk);
    if (n <= 0) return false;
    shown.append(chunk, static_cast<std::size_t>(n));
    return true;
  }
  pid_t child_ = -1;
  UniqueFd terminal_;
  std::size_t seen_ = 0;
};

BOOST_FIXTURE_TEST_SUITE(passphrase, Locked)

BOOST_AUTO_TEST_CASE(at_a_terminal_it_is_asked_for_and_never_shown) {
  {
    AtTerminal one(ana, {"passphrase", "set"});
    one.type_after("New passphrase: ",
                   "correct horsf\x7f"
                   "e\n");  // mended by a backspace
    one.type_after("The same again: ", "correct horse\n");
    BOOST_TEST(one.exit_code() == 0);
    BOOST_TEST(one.shown.find("horse") == std::string::npos, one.shown);
  }
  {
    AtTerminal two(ana, {"whoami"});
    two.type_after("Passphrase of this profile: ", "battery staple\n");
    BOOST_TEST(two.exit_code() == 1);
    BOOST_TEST(two.shown.find("is not right") != std::string::npos, two.shown);
  }
  {
    AtTerminal three(ana, {"whoami"});
    three.type_after("Passphrase of this profile: ", "correct horse\n");
    BOOST_TEST(three.exit_code() == 0);
    BOOST_TEST(three.shown.find("battery") == std::string::npos);
    BOOST_TEST(three.shown.find("ana") != std::string::npos, three.shown);
  }
  {
    AtTerminal four(ana, {"passphrase", "remove"});
    four.type_after("Passphrase of this profile: ", "corr\x03");  // Ctrl+C
    BOOST_TEST(four.exit_code() == 2);
  }
  BOOST_TEST(key().find("argon2id13") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_locked_profile_opens_with_its_passphrase_alone) {
  const std::string right = file("right", "correct horse\n"),
                    wrong = file("wrong", "battery staple");
  const std::string plain = key();
  refused(ana.run({"passphrase", "remove"}), 1, "has no passphrase");
  refused(ana.run({"passphrase", "set"}), 2, "Nobody can be asked");
  refused(ana.run({"passphrase", "set", "--new-passphrase-file", file("short", "1234567\n")}), 1,
          "8 to 1024 bytes");
  BOOST_TEST(key() == plain);
  BOOST_TEST(ana.run({"passphrase", "set", "--new-passphrase-file", right}).code == 0);
  BOOST_TEST(key().find("argon2id13") != std::string::npos);
  BOOST_TEST(key().find(plain.substr(0, 64)) == std::string::npos);
  // Nobody is there to be asked: it is said at once
  refused(ana.run({"send", "general", "hola"}), 2, "locked with a passphrase");
  refused(ana.run({"send", "general", "hola", "--passphrase-file", wrong}), 1, "is not right");
  refused(ana.run({"rooms", "--passphrase-file", file("empty", "")}), 1, "is not right");
  BOOST_TEST(ana.run({"--passphrase-file", right, "send", "general", "hola"}).code == 0);
  // The first line of standard input is the passphrase, and what comes after it is said
  BOOST_TEST(
      ana.run({"--passphrase-file", "-", "send", "general", "-"}, "correct horse\nuno\ndos\n")
          .code == 0);
  refused(ana.run({"passphrase", "set", "--new-passphrase-file", right}), 1, "passphrase change");
}

BOOST_AUTO_TEST_CASE(a_passphrase_is_changed_and_removed) {
  const std::string first = file("first", "correct horse\n"),
                    second = file("second", "ñandú azul\n");
  const std::string plain = key();
  BOOST_TEST(ana.run({"passphrase", "set", "--new-passphrase-file", first}).code == 0);
  refused(ana.run({"passphrase", "change", "--passphrase-file", second, "--new-passphrase-file",
                   second}),
          1, "is not right");
  BOOST_TEST(
      ana.run({"passphrase", "change", "--passphrase-file", "-", "--new-passphrase-file", "-"},
              "correct horse\nñandú azul\n")
          .code == 0);
  refused(ana.run({"whoami", "--passphrase-file", first}), 1, "is not right");
  BOOST_TEST(ana.run({"whoami", "--passphrase-file", second}).code == 0);
  BOOST_TEST(ana.run({"passphrase", "remove", "--passphrase-file", second}).code == 0);
  BOOST_TEST(key() == plain);
  BOOST_TEST(ana.run({"send", "general", "hola"}).code == 0);
}

BOOST_AUTO_TEST_CASE(a_key_that_was_damaged_or_is_not_there_is_said_to_be_so) {
  const std::string right = file("right", "correct horse\n");
  Cli nobody{broker.temp(), "nobody"};
  refused(nobody.run({"passphrase", "set", "--new-passphrase-file", right}), 2, "not enrolled");
  BOOST_TEST(ana.run({"passphrase", "set", "--new-passphrase-file", right}).code == 0);
  const std::string locked = key();
  std::ofstream(ana.profile() / "device.key") << locked.substr(0, locked.size() / 2);
  refused(ana.run({"whoami", "--passphrase-file", right}), 1, "is damaged");
  std::ofstream(ana.profile() / "device.key") << locked;
  BOOST_TEST(ana.run({"whoami", "--passphrase-file", right}).code == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
