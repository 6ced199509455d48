// Inviting many: lists with their sheet, and class links by which a whole class joins at once.
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "common/base/clock.hpp"
#include "common/base/uuid7.hpp"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMsMax = 60'000;

std::string write(const fs::path& path, const std::string& content) {
  std::ofstream(path) << content;
  return path.string();
}
std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}
bool says(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}
void good(const Ran& ran) { BOOST_REQUIRE_MESSAGE(ran.code == 0, ran.err); }

std::vector<std::string> all_between(const std::string& text, const std::string& begin,
                                     const std::string& end) {
  std::vector<std::string> out;
  for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at)) {
    at += begin.size();
    out.push_back(text.substr(at, text.find(end, at) - at));
  }
  return out;
}
std::vector<std::string> invites_of(const std::string& html) {
  return all_between(html, "<p class=\"invite\">", "</p>");
}

// The drawing of a code as a picture: four dots a module.
std::string picture(const std::string& svg) {
  constexpr std::size_t dots = 4;
  const std::size_t size = std::stoul(all_between(svg, "viewBox=\"0 0 ", " ").at(0));
  std::vector<std::string> rows(size, std::string(size, '\xff'));
  std::istringstream path(all_between(svg, "stroke=\"#000\" d=\"", "\"").at(0));
  char op = 0;
  std::size_t x = 0, y = 0;
  while (path >> op) {
    if (op == 'M') {
      char half = 0, five = 0;
      path >> x >> y >> half >> five;
    } else if (op == 'm') {
      std::size_t over = 0, none = 0;
      path >> over >> none;
      x += over;
    } else {
      std::size_t dark = 0;
      path >> dark;
      for (; dark > 0; --dark) rows.at(y).at(x++) = '\0';
    }
  }
  std::string out = fmt::format("P5 {0} {0} 255\n", size * dots);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < dots; ++i)
      for (const char c : row) out.append(dots, c);
  return out;
}

// Many clients of one program, so that all of them really ask at once.
struct Joining {
  std::unique_ptr<RawDevice> device;
  std::unique_ptr<Socket> socket;
  RequestId request = random_request_id();
  std::optional<pb::Reply> reply;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(invites)

BOOST_AUTO_TEST_CASE(a_list_becomes_a_sheet_and_everybody_on_it_joins) {
  TestBroker broker;
  broker.invite("admin");
  good(broker.ctl({"room", "create", "3b"}));
  const std::string list = write(broker.dir() / "class.csv",
                                 "name,display name,role,rooms\nana,Ana García,,\n"
                                 "beto,\"Ruiz, Beto\",guest,3b\n");
  const fs::path sheet = broker.dir() / "sheet.html";
  const std::vector<std::string> command{"invite", "--csv", list, "--sheet", sheet.string()};
  const Ran ran = broker.ctl(command);
  good(ran);
  BOOST_TEST(ran.out.empty(), "no secret but in the sheet: " << ran.out);
  struct stat facts {};
  BOOST_REQUIRE(::stat(sheet.c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 0777) == 0600u);
  const std::string html = read(sheet);
  const auto invites = invites_of(html);
  BOOST_REQUIRE(invites.size() == 2u);
  BOOST_TEST(says(html, "Ruiz, Beto"));

  const auto drawn = all_between(html, "<svg ", "</svg>");
  BOOST_REQUIRE(drawn.size() == 2u);
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const fs::path file = broker.dir() / "code.pgm";
    write(file, picture(drawn[i]));
    const Ran seen = run({"/usr/bin/zbarimg", "--quiet", "--raw", "--nodbus", file.string()},
                         broker.dir() / fmt::format("zbar-{}", i), 20'000);
    BOOST_TEST(seen.out == invites[i] + "\n", "zbarimg (package zbar-tools): " << seen.err);
  }

  Cli ana(broker.temp(), "ana"), beto(broker.temp(), "beto");
  ana.enrol(invites[0]);
  beto.enrol(invites[1]);
  BOOST_TEST(says(ana.run({"whoami", "--json"}).out, "Ana García"));
  BOOST_TEST(says(beto.run({"rooms"}).out, "3b"));
  BOOST_TEST(!says(beto.run({"rooms"}).out, "general"));

  // The same list once more: said, and nothing is done
  const Ran again = broker.ctl({"invite", "--csv", list, "--sheet", (broker.dir() / "2").string()});
  BOOST_TEST(again.code == 1);
  BOOST_TEST(says(again.err, "class.csv, line 2: ana is a user already"), again.err);
  BOOST_TEST(says(again.err, "--further-devices"), again.err);
  BOOST_TEST(says(again.err, "Nobody was invited."), again.err);
  BOOST_TEST(!fs::exists(broker.dir() / "2"));
  const Ran over = broker.ctl(command);
  BOOST_TEST(over.code == 1);
  BOOST_TEST(says(over.err, "--force"), over.err);
  BOOST_TEST(read(sheet) == html);
  auto forced = command;
  forced.insert(forced.end(), {"--force", "--further-devices"});
  const Ran further = broker.ctl(forced);
  good(further);
  BOOST_TEST(says(further.err, "stay as they are: ana, beto"), further.err);
  BOOST_TEST(read(sheet) != html);
  Cli second(broker.temp(), "second");
  second.enrol(invites_of(read(sheet))[0]);
  BOOST_TEST(says(broker.ctl({"device", "list", "ana"}).out, "added by an administrator"));
  for (const auto& entry : fs::directory_iterator(broker.dir()))
    BOOST_TEST(!says(entry.path().string(), ".partial"), entry.path());
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_CASE(a_list_with_one_wrong_line_invites_nobody) {
  TestBroker broker;
  broker.invite("admin");
  const std::string before = broker.ctl({"user", "list"}).out;
  const struct {
    const char *list, *said;
  } wrong[] = {
      {"ana\nBeto\n", "line 2: A user name has"},
      {"ana\nbeto,,emperor\n", "line 2: A role is one of"},
      {"ana\n\nbeto,,,nowhere\n", "line 3: There is no room"},
      {"ana\nbeto\nana\n", "line 3: The name ana stands twice"},
      {"al\na1\n", "line 2: The name a1 stands twice, or looks like one"},
      {"ana\nadmin\n", "line 2: admin is a user already"},
      {"ana\n,x\n", "line 2: It has no name"},
      {"", "Nobody stands in it."},
  };
  for (const auto& w : wrong) {
    const std::string list = write(broker.dir() / "list.csv", w.list);
    const Ran ran = broker.ctl({"invite", "--csv", list, "--sheet", (broker.dir() / "s").string()});
    BOOST_TEST(ran.code == 1, w.said);
    BOOST_TEST(says(ran.err, w.said), ran.err);
    BOOST_TEST(says(ran.err, "Nobody was invited."), ran.err);
    BOOST_TEST(ran.out.empty());
    BOOST_TEST(!fs::exists(broker.dir() / "s"));
  }
  BOOST_TEST(broker.ctl({"user", "list"}).out == before);
  // Where the sheet cannot be, nobody is invited either
  const std::string list = write(broker.dir() / "list.csv", "ana\n");
  for (const fs::path& place : {broker.dir() / "none" / "s.html", broker.dir()})
    BOOST_TEST(broker.ctl({"invite", "--csv", list, "--sheet", place.string()}).code == 1);
  BOOST_TEST(broker.ctl({"invite", "--csv", (broker.dir() / "none").string()}).code == 2);
  BOOST_TEST(broker.ctl({"invite", "ana", "--csv", list}).code == 2);
  BOOST_TEST(broker.ctl({"invite"}).code == 2);
  BOOST_TEST(broker.ctl({"user", "list"}).out == before);
}

BOOST_AUTO_TEST_CASE(a_class_of_forty_joins_by_one_link_at_once_with_the_rates_as_shipped) {
  TestBroker broker({.rates = true});
  broker.invite("admin");
  const Ran made = broker.ctl({"invite", "--uses", "40", "--label", "3b"});
  good(made);
  const auto invite = wire::decode_invite(made.out);
  BOOST_REQUIRE(invite && invite->is_class_link());
  Context context;
  std::vector<Joining> all(40);
  for (std::size_t i = 0; i < all.size(); ++i) {
    Joining& j = all[i];
    j.device = std::make_unique<RawDevice>(*invite);
    j.device->wished_name = fmt::format("pupil{}", i);
    j.socket = std::make_unique<Socket>(
        context, j.device->invite_key,
        Socket::Options{.address = j.device->commands, .server = j.device->server_curve});
  }
  const std::uint64_t began = monotonic_ms();
  for (Joining& j : all) {
    const Bytes frame = RawDevice::request_frame(j.request, j.device->enrol_request("", "lab"));
    BOOST_REQUIRE(wait_until([&] { return j.socket->send(frame); }, kMsMax));
  }
  std::vector<void*> sockets;
  for (const Joining& j : all) sockets.push_back(j.socket->get());
  const auto deadline = Deadline::in_ms(kMsMax);
  const auto waits = [&] {
    return std::count_if(all.begin(), all.end(), [](const Joining& j) { return !j.reply; });
  };
  while (waits() > 0 && !deadline.over()) {
    std::vector<bool> readable;
    poll_readable(sockets, readable, deadline.left_ms());
    Bytes frame;
    for (Joining& j : all)
      while (j.socket->receive(frame))
        if (auto reply = RawDevice::read_reply(frame); reply && reply->first == j.request)
          j.reply = std::move(reply->second);
  }
  for (const Joining& j : all) BOOST_TEST((j.reply && j.reply->has_enrolled()), describe(j.reply));
  BOOST_TEST_MESSAGE("forty joined in " << monotonic_ms() - began << " ms");
  const auto list = json_lines(broker.ctl({"invite", "list", "--json"}).out);
  BOOST_REQUIRE(list.size() == 2u);
  BOOST_TEST(list[1].at("name") == "3b");
  BOOST_TEST(list[1].at("state") == "used");
  BOOST_TEST(list[1].at("used") == 40);
  BOOST_TEST(list[1].at("people").size() == 40u);
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_CASE(who_has_a_class_link_says_what_he_wants_to_be_called) {
  TestBroker broker;
  broker.invite("admin");
  good(broker.ctl({"room", "create", "3b"}));
  const Ran made = broker.ctl({"invite", "--uses", "2", "--rooms", "3b", "--role", "guest"});
  good(made);
  const std::string link = lines_of(made.out).at(0);
  Cli ana(broker.temp(), "ana");
  const Ran nameless = ana.run({"enrol", link});
  BOOST_TEST(nameless.code == 2);
  BOOST_TEST(says(nameless.err, "--name"), nameless.err);
  for (const char* name : {"admin", "Ana", "a b"}) {
    const Ran refused = ana.run({"enrol", link, "--name", name});
    BOOST_TEST(refused.code == 1, name);
    BOOST_TEST(says(refused.err, "name"), refused.err);
  }
  good(ana.run({"enrol", link, "--name", "ana", "--display-name", "Ana García"}));
  const auto me = json_lines(ana.run({"whoami", "--json"}).out);
  BOOST_TEST(says(me[0].dump(), "Ana García"));
  BOOST_TEST(says(ana.run({"rooms"}).out, "3b"));
  BOOST_TEST(!says(ana.run({"rooms"}).out, "general"));
  Cli beto(broker.temp(), "beto"), late(broker.temp(), "late");
  good(beto.run({"enrol", link, "--name", "beto"}));
  good(beto.run({"send", "3b", "hola"}));
  const Ran full = late.run({"enrol", link, "--name", "carla"});
  BOOST_TEST(full.code == 1);
  BOOST_TEST(says(full.err, "Everybody whom this invite was for"), full.err);
  // A name is not chosen where the invite has one
  const Ran personal = late.run({"enrol", broker.invite("carla"), "--name", "karla"});
  BOOST_TEST(personal.code == 2);
  BOOST_TEST(says(personal.err, "This invite is for carla"), personal.err);
  BOOST_TEST(broker.verify() == "");
  BOOST_TEST(broker.stop().value_or(-1) == 0);
  broker.start();
  BOOST_TEST(says(broker.ctl({"invite", "list"}).out, "2 of 2 joined as guest, in 3b"));
}

BOOST_AUTO_TEST_CASE(what_is_open_is_listed_and_ended_by_user_label_or_id) {
  TestBroker broker;
  broker.invite("admin");
  const auto refused = [&](const std::vector<std::string>& args, int code, const char* said) {
    const Ran ran = broker.ctl(args);
    BOOST_TEST(ran.code == code, said);
    BOOST_TEST(says(ran.err, said), ran.err);
  };
  broker.invite("ana");
  broker.invite("ana");
  refused({"invite", "revoke", "ana"}, 2, "2 open invites of ana will end. Say --yes");
  BOOST_TEST(says(broker.ctl({"invite", "revoke", "ana", "--yes"}).out, "2 open invites of ana"));
  refused({"invite", "revoke", "ana"}, 1, "ana has no open invite");
  refused({"invite", "revoke", "nobody"}, 1, "There is no user nobody");

  const Ran link = broker.ctl({"invite", "--uses", "9", "--label", "3b"});
  good(link);
  refused({"invite", "revoke", "3b"}, 2, "--yes");
  good(broker.ctl({"invite", "revoke", "3b", "--yes"}));
  Cli late(broker.temp(), "late");
  const Ran ended = late.run({"enrol", lines_of(link.out).at(0), "--name", "eva"});
  BOOST_TEST(ended.code == 1);
  BOOST_TEST(says(ended.err, "revoked"), ended.err);

  good(broker.ctl({"invite", "--uses", "9"}));
  std::string id;
  for (const auto& one : json_lines(broker.ctl({"invite", "list", "--json"}).out))
    if (one.at("class_link") == true && one.at("state") == "open") id = one.at("invite");
  good(broker.ctl({"invite", "revoke", id.substr(0, 8), "--yes"}));
  for (const auto& one : json_lines(broker.ctl({"invite", "list", "--json"}).out))
    BOOST_TEST((one.at("state") == "open") == (one.at("name") == "admin"), one.dump());
  BOOST_TEST(broker.ctl({"invite-list"}).out == broker.ctl({"invite", "list"}).out);

  good(broker.ctl({"room", "create", "3c"}));
  good(broker.ctl({"invite", "--rooms", "general,3c", "dario"}));
  BOOST_TEST(says(broker.ctl({"user", "show", "dario"}).out, "3c"));
  // Somebody may be called like a command
  const Ran named = broker.ctl({"invite", "--", "list"});
  good(named);
  BOOST_TEST(wire::decode_invite(named.out)->user_name == "list");
  for (const char* uses : {"0", "-1", "many"})
    BOOST_TEST(broker.ctl({"invite", "--uses", uses}).code == 2, uses);
  refused({"invite", "--uses", "1001"}, 1, "1 to 1000 people");
  refused({"invite", "--uses", "3", "--role", "admin"}, 1, "members or guests");
  refused({"invite", "--uses", "3", "--rooms", "nowhere"}, 1, "There is no room");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
