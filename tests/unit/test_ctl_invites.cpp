// Lists of people as spreadsheets save them, and the sheet that is printed from the invites.
#include <boost/test/unit_test.hpp>

#include "broker/ctl/invite_csv.hpp"
#include "broker/ctl/invite_sheet.hpp"
#include "broker/ctl/target.hpp"

using namespace tertulia::ctl;
using Rooms = std::vector<std::string>;

namespace {

std::vector<CsvPerson> people(std::string_view text) {
  auto read = parse_csv(text);
  if (const auto* faults = std::get_if<std::vector<CsvFault>>(&read))
    BOOST_FAIL((*faults)[0].line << ": " << (*faults)[0].sentence);
  return std::get<std::vector<CsvPerson>>(read);
}
std::vector<CsvFault> faults(std::string_view text) {
  auto read = parse_csv(text);
  const auto* out = std::get_if<std::vector<CsvFault>>(&read);
  return out == nullptr ? std::vector<CsvFault>{} : *out;
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t out = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++out;
  return out;
}

Sheet sheet_of(std::size_t pages) {
  Sheet sheet{"escuela <1>", "1f3a 9c02 77de 4b10 c3a5 08ee 5d41 b6f9", {}};
  for (std::size_t i = 0; i < pages; ++i)
    sheet.pages.push_back({"Ana \"A\" & <script>alert(1)</script>", "ana" + std::to_string(i), 1,
                           "member", "tertulia://AYqI4910CfGV_VLbLTy6XXLKZwm",
                           "2026-12-03 14:05 CET"});
  return sheet;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ctl_invites)

BOOST_AUTO_TEST_CASE(a_list_may_have_a_header_or_not) {
  const auto plain = people("ana\nbeto,Beto Ruiz\ncarla,,guest,3b;chess\n");
  BOOST_REQUIRE(plain.size() == 3u);
  BOOST_TEST(plain[0].name == "ana");
  BOOST_TEST(plain[1].display_name == "Beto Ruiz");
  BOOST_TEST(plain[2].role == "guest");
  BOOST_TEST((plain[2].rooms == Rooms{"3b", "chess"}));
  BOOST_TEST(plain[2].line == 3u);
  const auto headed = people("Name,Rooms,Display_Name\nana, 3b ; chess ,Ana García\n");
  BOOST_REQUIRE(headed.size() == 1u);
  BOOST_TEST(headed[0].line == 2u);
  BOOST_TEST(headed[0].display_name == "Ana García");
  BOOST_TEST((headed[0].rooms == Rooms{"3b", "chess"}));
}

BOOST_AUTO_TEST_CASE(a_list_is_read_as_spreadsheets_save_it) {
  const auto quoted =
      people("\xEF\xBB\xBF\"ana\",\"García, \"\"la\"\" Ana\"\r\n\r\n,,\r\nbeto,x\r\n");
  BOOST_REQUIRE(quoted.size() == 2u);
  BOOST_TEST(quoted[0].display_name == "García, \"la\" Ana");
  BOOST_TEST(quoted[1].line == 4u);
  const auto lines = people("ana,\"two\nlines\"\nbeto");
  BOOST_TEST(lines[0].line == 1u);
  BOOST_TEST(lines[1].line == 3u);
  // In Spanish the comma is the decimal one
  const auto spanish = people("ana;Ana García;Member;\"3b;chess\"\n");
  BOOST_TEST(spanish[0].display_name == "Ana García");
  BOOST_TEST(spanish[0].role == "member");
  BOOST_TEST((spanish[0].rooms == Rooms{"3b", "chess"}));
}

BOOST_AUTO_TEST_CASE(each_line_that_is_wrong_is_named_with_the_cure) {
  const auto found = faults("ana\n,Beto\ncarla,a,b,c,d\ndario\n,x\n");
  BOOST_REQUIRE(found.size() == 3u);
  BOOST_TEST(found[0].line == 2u);
  BOOST_TEST(found[0].sentence.find("no name: give one") != std::string::npos);
  BOOST_TEST(found[1].line == 3u);
  BOOST_TEST(found[1].sentence.find("quotes") != std::string::npos);
  BOOST_TEST(found[2].line == 5u);
  BOOST_TEST(faults("name,colour\nana,red\n")[0].sentence.find("no column \"colour\"") == 9u);
  BOOST_TEST(faults("name,name\n")[0].sentence.find("twice") != std::string::npos);
  BOOST_TEST(faults("ana,\"open\nbeto\n")[0].sentence.find("never closed") != std::string::npos);
  BOOST_TEST(faults("ana\nbeto,a\"b\n")[0].line == 2u);
  BOOST_TEST(faults("ana,\"a\"b\n").size() == 1u);
  BOOST_TEST(faults("ana,Garc\xEDa\n")[0].sentence.find("UTF-8") != std::string::npos);
  for (const char* empty : {"", "\n\n", "name,rooms\n", ",,,\n"})
    BOOST_TEST(faults(empty)[0].sentence == "Nobody stands in it.");
}

BOOST_AUTO_TEST_CASE(the_sheet_has_a_page_each_and_nothing_from_elsewhere) {
  const std::string html = sheet_html(sheet_of(3));
  BOOST_TEST(count(html, "<section class=\"page\">") == 3u);
  BOOST_TEST(count(html, "<svg ") == 3u);
  for (const char* never :
       {"<script", "http:", "https:", "src=", "href=", "url(", "@import", "<img", "<link"})
    BOOST_TEST(count(html, never) == 0u, never);
  BOOST_TEST(count(html, "Ana &quot;A&quot; &amp; &lt;script&gt;alert(1)") == 3u);
  BOOST_TEST(count(html, "escuela &lt;1&gt;") > 3u);
  BOOST_TEST(count(html, "lang=\"es\"") > 0u);
  BOOST_TEST(count(html, "1f3a 9c02 77de 4b10 c3a5 08ee 5d41 b6f9") == 3u);
}

BOOST_AUTO_TEST_CASE(a_class_link_s_page_says_for_how_many_it_is_and_that_a_name_is_to_be_chosen) {
  Sheet sheet = sheet_of(1);
  sheet.pages[0].user_name.clear();
  sheet.pages[0].uses = 30;
  const std::string html = sheet_html(sheet);
  BOOST_TEST(count(html, "For 30 people") == 1u);
  BOOST_TEST(count(html, "Choose your <b>user name</b>") == 1u);
  BOOST_TEST(count(sheet_html(sheet_of(1)), "Choose your <b>user name</b>") == 0u);
}

BOOST_AUTO_TEST_CASE(an_invite_that_no_code_can_hold_is_refused) {
  Sheet sheet = sheet_of(1);
  sheet.pages[0].invite = std::string(3000, 'x');
  BOOST_CHECK_THROW(sheet_html(sheet), Failure);
}

BOOST_AUTO_TEST_SUITE_END()
