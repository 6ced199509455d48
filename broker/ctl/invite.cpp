#include "broker/ctl/invite.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "broker/ctl/addresses.hpp"
#include "broker/ctl/commands.hpp"
#include "broker/ctl/confirm.hpp"
#include "broker/ctl/invite_csv.hpp"
#include "broker/ctl/invite_sheet.hpp"
#include "broker/ctl/private_file.hpp"
#include "common/base/clock.hpp"
#include "common/wire/invite.hpp"

namespace tertulia::ctl {

namespace {
using nlohmann::json;

constexpr std::size_t kFaultsShown = 20;

struct Fields {
  std::string name, display_name, role, expires, csv, sheet, label, which;
  std::vector<std::string> rooms;
  std::optional<std::uint64_t> uses;
  bool force = false, further_devices = false, yes = false;
};

template <class Id>
Id id_of(const json& object, const char* key) {
  const auto bytes = from_hex(object.value(key, ""));
  const auto id = bytes ? Id::parse(*bytes) : std::nullopt;
  if (!id) throw Failure{exit_refused, fmt::format("The broker's answer has no {}.", key)};
  return *id;
}

// One invite that was made: what the broker said of it, and its string.
struct Made {
  std::string name, display_name, role, text;
  std::uint64_t expires_ms = 0, uses = 1;
  bool class_link = false, was_there = false, had_device = false;
};

std::string text_of_invite(const json& answer, const json& one, const Addresses& addresses) {
  wire::Invite i;
  i.identity = id_of<SignPublicKey>(answer, "identity");
  i.server_curve = id_of<CurvePublicKey>(answer, "curve");
  i.user = id_of<UserId>(one, "user");
  const auto seed_bytes = from_hex(one.value("seed", ""));
  const auto seed = seed_bytes ? crypto::Seed::parse(*seed_bytes) : std::nullopt;
  if (!seed) throw Failure{exit_refused, "The broker's answer has no seed."};
  i.seed = *seed;
  i.server_name = answer.value("server", "");
  if (!i.user.is_zero()) i.user_name = one.value("name", "");
  i.addresses = addresses.list;
  return wire::encode_invite(i);
}

std::vector<Made> made_of(const json& answer) {
  const auto addresses = choose_addresses(answer.value("advertise", std::vector<std::string>{}),
                                          answer.value("commands", ""), machine_addresses());
  fmt::print(stderr, "{}\n", addresses.why);
  if (addresses.only_loopback)
    fmt::print(stderr,
               "Warning: that is this machine itself; nobody can use this invite elsewhere. "
               "Set [listen] commands = \"tcp://*:5570\", or [listen] advertise.\n");
  std::vector<Made> out;
  for (const json& one : answer.value("invites", json::array())) {
    Made m;
    m.name = one.value("name", "");
    m.role = one.value("role", "");
    m.expires_ms = one.value("expires_ms", std::uint64_t{0});
    m.was_there = one.value("was_there", false);
    m.had_device = one.value("had_device", false);
    m.text = text_of_invite(answer, one, addresses);
    out.push_back(std::move(m));
  }
  return out;
}

void write_sheet(PrivateFile& file, const json& answer, const std::vector<Made>& made) {
  Sheet sheet;
  sheet.server = answer.value("server", "");
  sheet.fingerprint = crypto::fingerprint(id_of<SignPublicKey>(answer, "identity"));
  for (const Made& m : made) {
    SheetPage page;
    page.who = !m.display_name.empty() ? m.display_name : m.name;
    if (page.who.empty()) page.who = sheet.server;  // a class link without a label
    if (!m.class_link) page.user_name = m.name;
    page.uses = m.uses;
    page.role = m.role;
    page.invite = m.text;
    page.until = local_time(m.expires_ms);
    sheet.pages.push_back(std::move(page));
  }
  file.finish(sheet_html(sheet));
}

void say_of(const Made& m) {
  const std::string until = rfc3339_ms(m.expires_ms);
  if (m.class_link) {
    fmt::print(stderr, "{} people may join as {} by it, until {}.\n", m.uses, m.role, until);
    return;
  }
  fmt::print(stderr, "{} joins as {}; good once, until {}.{}\n", m.name, m.role, until,
             m.had_device ? " It will be a further device, and be shown as added by an "
                            "administrator for ever."
                          : "");
}

void print_made(const std::vector<Made>& made, bool with_text, bool as_json, bool with_names) {
  for (const Made& m : made) {
    if (as_json) {
      json one = {{"name", m.name},
                  {"role", m.role},
                  {"class_link", m.class_link},
                  {"uses", m.uses},
                  {"expires", rfc3339_ms(m.expires_ms)},
                  {"further_device", m.had_device}};
      if (with_text) one["invite"] = m.text;
      fmt::print("{}\n", one.dump());
    } else if (with_text) {
      fmt::print("{}{}\n", with_names ? m.name + "\t" : "", m.text);
    }
  }
}

// The strings are in no other place: should the sheet fail, they are printed.
void hand_out(const Fields& f, const json& answer, const std::vector<Made>& made, bool as_json,
              std::optional<PrivateFile>& file) {
  if (!file) return print_made(made, true, as_json, made.size() > 1 || !f.csv.empty());
  try {
    write_sheet(*file, answer, made);
  } catch (...) {
    print_made(made, true, as_json, true);
    fmt::print(stderr, "The sheet was not written; the invites are those above.\n");
    throw;
  }
  print_made(made, false, as_json, false);
  fmt::print(stderr, "{} has {} page{}. Whoever reads it can join: print it, and remove it.\n",
             f.sheet, made.size(), made.size() == 1 ? "" : "s");
}

json with_lifetime(json request, const Fields& f) {
  if (f.expires.empty()) return request;
  const auto lifetime = parse_lifetime(f.expires);
  if (!lifetime)
    throw Failure{exit_usage,
                  "--expires takes a number of days, hours, minutes or seconds: "
                  "7d, 12h, 30m, 90s."};
  request["expires_ms"] = *lifetime;
  return request;
}

// Before anybody is invited.
void open_sheet(const Fields& f, std::optional<PrivateFile>& out) {
  if (!f.sheet.empty()) out.emplace(f.sheet, f.force);
}

int invite_one(const Target& target, const Fields& f, bool as_json) {
  json person = {{"name", f.name}, {"display_name", f.display_name}, {"role", f.role}};
  if (!f.rooms.empty()) person["rooms"] = f.rooms;
  const json request = with_lifetime({{"command", "invite"}, {"people", json::array({person})}}, f);
  std::optional<PrivateFile> file;
  open_sheet(f, file);
  const json answer = ask(target, request);
  auto made = made_of(answer);
  for (Made& m : made) {
    m.display_name = f.display_name;
    say_of(m);
  }
  hand_out(f, answer, made, as_json, file);
  return exit_good;
}

int invite_class(const Target& target, const Fields& f, bool as_json) {
  json request = {{"command", "invite_class"}, {"uses", *f.uses}, {"label", f.label}};
  if (!f.role.empty()) request["role"] = f.role;
  if (!f.rooms.empty()) request["rooms"] = f.rooms;
  request = with_lifetime(std::move(request), f);
  std::optional<PrivateFile> file;
  open_sheet(f, file);
  const json answer = ask(target, request);
  auto made = made_of(answer);
  for (Made& m : made) {
    m.class_link = true;
    m.uses = *f.uses;
    say_of(m);
  }
  hand_out(f, answer, made, as_json, file);
  return exit_good;
}

[[noreturn]] void refuse_list(const std::string& file, const std::vector<CsvFault>& faults) {
  std::string all;
  for (std::size_t i = 0; i < faults.size() && i < kFaultsShown; ++i)
    all += faults[i].line == 0
               ? fmt::format("{}: {}\n", file, faults[i].sentence)
               : fmt::format("{}, line {}: {}\n", file, faults[i].line, faults[i].sentence);
  if (faults.size() > kFaultsShown)
    all += fmt::format("… and {} more.\n", faults.size() - kFaultsShown);
  throw Failure{exit_refused, all + "Nobody was invited."};
}

std::vector<CsvPerson> read_people(const std::string& file) {
  Bytes content;
  try {
    content = read_file(file, csv_bytes_max);
  } catch (const std::exception& e) {
    throw Failure{exit_usage, fmt::format("{} cannot be read: {}.", file, e.what())};
  }
  auto read = parse_csv(as_text(content));
  if (const auto* faults = std::get_if<std::vector<CsvFault>>(&read)) refuse_list(file, *faults);
  return std::get<std::vector<CsvPerson>>(std::move(read));
}

int invite_list_of_people(const Target& target, const Fields& f, bool as_json) {
  const auto people = read_people(f.csv);
  json list = json::array();
  for (const CsvPerson& p : people) {
    const auto& role = p.role.empty() ? f.role : p.role;
    const auto& rooms = p.rooms.empty() ? f.rooms : p.rooms;
    list.push_back(
        {{"name", p.name}, {"display_name", p.display_name}, {"role", role}, {"rooms", rooms}});
  }
  const json request = with_lifetime(
      {{"command", "invite"}, {"people", list}, {"takes_known", f.further_devices}}, f);
  std::optional<PrivateFile> file;
  open_sheet(f, file);
  const json answer = ask_anyway(target, request);
  if (!answer.value("ok", false)) {
    std::vector<CsvFault> faults;
    for (const auto& fault : answer.value("faults", json::array())) {
      const auto number = fault.value("number", -1);
      const bool known = number >= 0 && static_cast<std::size_t>(number) < people.size();
      faults.push_back(
          {known ? people[static_cast<std::size_t>(number)].line : 0, fault.value("sentence", "")});
    }
    if (faults.empty()) faults.push_back({0, answer.value("error", "The broker refused.")});
    refuse_list(f.csv, faults);
  }
  auto made = made_of(answer);
  std::vector<std::string> known;
  for (std::size_t i = 0; i < made.size() && i < people.size(); ++i) {
    made[i].display_name = people[i].display_name;
    if (made[i].was_there) known.push_back(made[i].name);
  }
  fmt::print(stderr, "{} invited, until {}.\n",
             made.size() == 1 ? "One person is" : fmt::format("{} people are", made.size()),
             rfc3339_ms(made[0].expires_ms));
  if (!known.empty())
    fmt::print(stderr,
               "Users already, whose role, display name and rooms stay as they are: {}. A device "
               "beside one that they had is shown as added by an administrator for ever.\n",
               fmt::join(known, ", "));
  hand_out(f, answer, made, as_json, file);
  return exit_good;
}

int invite(const Target& target, const Fields& f, bool as_json) {
  const auto wrong = [](const char* sentence) { throw Failure{exit_usage, sentence}; };
  const int kinds = !f.name.empty() + !f.csv.empty() + f.uses.has_value();
  if (kinds != 1)
    wrong("Say whom to invite: NAME, or --csv FILE, or --uses N for a class link; one of them.");
  if (f.force && f.sheet.empty()) wrong("--force is for --sheet.");
  if (!f.label.empty() && !f.uses) wrong("--label is for a class link: say also --uses N.");
  if (!f.display_name.empty() && f.name.empty()) wrong("--display-name is for one person.");
  if (f.further_devices && f.csv.empty()) wrong("--further-devices is for --csv.");
  if (f.uses) return invite_class(target, f, as_json);
  return f.csv.empty() ? invite_one(target, f, as_json) : invite_list_of_people(target, f, as_json);
}

int invite_revoke(const Target& target, const Fields& f) {
  json request = {{"command", "invite_revoke"}, {"which", f.which}, {"only_count", true}};
  const json count = ask(target, request);
  const auto open = count.value("open", std::uint64_t{0});
  if (open > 1)
    confirm(fmt::format("{} open invites of {} will end.", open, f.which), f.yes);
  else if (count.value("class_links", std::uint64_t{0}) > 0)
    confirm(fmt::format("Nobody will join by {} any more.", f.which), f.yes);
  request.erase("only_count");
  fmt::print("{}\n", ask(target, request).value("text", "Revoked."));
  return exit_good;
}

void print_class_link(const json& i) {
  const std::string name = i.value("name", "");
  const auto rooms = i.value("rooms", std::vector<std::string>{});
  fmt::print("{:<20} {:<8} until {}  {}: {} of {} joined as {}{}\n",
             name.empty() ? "(class link)" : name, i.value("state", ""), i.value("expires", ""),
             i.value("invite", "").substr(0, 8), i.value("used", std::uint64_t{0}),
             i.value("uses", std::uint64_t{0}), i.value("role", ""),
             rooms.empty() ? "" : fmt::format(", in {}", fmt::join(rooms, ", ")));
  const auto people = i.value("people", std::vector<std::string>{});
  if (!people.empty()) fmt::print("  {}\n", fmt::join(people, ", "));
}

int invite_list(const Target& target, bool as_json) {
  const json answer = ask(target, {{"command", "invite_list"}});
  for (const auto& i : answer.value("invites", json::array())) {
    if (as_json)
      fmt::print("{}\n", i.dump());
    else if (i.value("class_link", false))
      print_class_link(i);
    else
      fmt::print("{:<20} {:<8} until {}  {}\n", i.value("name", ""), i.value("state", ""),
                 i.value("expires", ""), i.value("invite", "").substr(0, 8));
  }
  return exit_good;
}

}  // namespace

std::optional<std::uint64_t> parse_lifetime(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number == 0 || number > 1'000'000 ||
      end + 1 != text.data() + text.size())
    return std::nullopt;
  constexpr std::uint64_t kMinuteMs = 60'000;
  switch (*end) {
    case 's': return number * 1000;
    case 'm': return number * kMinuteMs;
    case 'h': return number * 60 * kMinuteMs;
    case 'd': return number * 24 * 60 * kMinuteMs;
    default: return std::nullopt;
  }
}

void declare_invites(CLI::App& app, const bool& as_json, const Choose& command) {
  auto f = std::make_shared<Fields>();
  CLI::App* invites = app.add_subcommand(
      "invite", "Invite a person, all of a list, or a class; list invites and end them");
  CLI::App* list = invites->add_subcommand("list", "List all invites and what became of them");
  CLI::App* revoke = invites->add_subcommand("revoke", "End what is open of an invite");
  list->fallthrough();
  revoke->fallthrough();
  // The parent's callback comes last, whatever was given below it
  command(invites, [f, list, revoke, &as_json](const Target& t) {
    if (!list->parsed() && !revoke->parsed()) return invite(t, *f, as_json);
    if (!f->name.empty())
      throw Failure{exit_usage, "invite takes NAME, or list, or revoke WHICH; one of them."};
    return list->parsed() ? invite_list(t, as_json) : invite_revoke(t, *f);
  });
  invites->add_option("name", f->name,
                      "Whom to invite: a new user, or one who gets a further device (who is called "
                      "list or revoke: invite -- NAME)");
  invites->add_option("--display-name", f->display_name, "How others see a new user");
  invites->add_option(
      "--role", f->role,
      "admin, auditor, member, guest or bot (the first user: admin; else member); by a class link "
      "member or guest");
  invites
      ->add_option("--rooms", f->rooms,
                   "What a new user joins: a,b (default: the rooms for newcomers)")
      ->delimiter(',')
      ->allow_extra_args(false);  // NAME may follow
  invites->add_option("--expires", f->expires, "How long it is good: 7d, 12h, 30m (default 7d)");
  invites
      ->add_option("--csv", f->csv,
                   "Invite all whom this list names, or nobody: name, display name, role, rooms "
                   "separated by ;")
      ->type_name("FILE");
  invites->add_flag("--further-devices", f->further_devices,
                    "With --csv: who is a user already gets a further device");
  invites
      ->add_option("--uses", f->uses,
                   "A class link: N people join by one invite, each under a name of his choice")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  invites->add_option("--label", f->label, "What a class link is called in lists");
  invites
      ->add_option("--sheet", f->sheet,
                   "Write the invites into an HTML file to be printed, a page each, instead of "
                   "printing them here")
      ->type_name("FILE");
  invites->add_flag("--force", f->force, "Write the sheet over a file that is there");
  revoke
      ->add_option("which", f->which,
                   "A user, what a class link is called, or the beginning of an id of the list")
      ->required();
  revoke->add_flag("--yes", f->yes, "Do not ask");
  // Its name until there was `invite list`
  command(app.add_subcommand("invite-list", "invite list")->group(""),
          [&as_json](const Target& t) { return invite_list(t, as_json); });
}

}  // namespace tertulia::ctl
