#include <boost/test/unit_test.hpp>

#include "client/engine/finder.hpp"
#include "tests/unit/filled.hpp"

using namespace tertulia;
using client::addresses_in;

namespace {

const ServerId kServer = test::filled<ServerId>(0xab);
const std::string kTxt = "\"server_id=" + to_hex(kServer.view()) + "\"";

// A line as avahi-browse 0.8 prints it.
std::string line(const std::string& address, const std::string& port, const std::string& txt,
                 const std::string& type = "_tertulia._tcp") {
  return "=;eth0;IPv4;Tertulia\\032abababab;" + type + ";local;mesa.local;" + address + ";" + port +
         ";" + txt + "\n";
}

std::vector<std::string> found(const std::string& printed) {
  return addresses_in(printed, kServer);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_finder)

BOOST_AUTO_TEST_CASE(the_addresses_of_the_server_that_is_looked_for) {
  const std::vector<std::string> wanted{"tcp://192.0.2.7:5570", "tcp://[2001:db8::7]:5570",
                                        "tcp://[fe80::7%eth0]:5570"};
  BOOST_TEST(found("+;eth0;IPv4;Tertulia\\032abababab;_tertulia._tcp;local\n" +
                   line("192.0.2.7", "5570", kTxt) + line("192.0.2.7", "5570", kTxt) +
                   line("2001:db8::7", "5570", "\"more=1\" " + kTxt) +
                   line("fe80::7", "5570", kTxt)) == wanted,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(others_and_what_is_malformed_are_left_out) {
  const std::string other = "\"server_id=" + to_hex(test::filled<ServerId>(0xac).view()) + "\"";
  for (const std::string& printed :
       {std::string(), std::string("\n\n;;;\n=\n=;;;;;;;;;\n"), line("192.0.2.7", "5570", other),
        line("192.0.2.7", "5570", ""), line("192.0.2.7", "5570", kTxt.substr(0, 40) + "\""),
        line("192.0.2.7", "0", kTxt), line("192.0.2.7", "65536", kTxt),
        line("192.0.2.7", "55x", kTxt), line("192.0.2", "5570", kTxt),
        line("a.example.org", "5570", kTxt), line("::1;", "5570", kTxt),
        line("192.0.2.7", "5570", kTxt, "_ssh._tcp")})
    BOOST_TEST(found(printed).empty(), printed);
}

BOOST_AUTO_TEST_CASE(a_flood_of_announcements_is_bounded) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += line("192.0.2." + std::to_string(i), "5570", kTxt);
  BOOST_TEST(found(many).size() == 8u);
}

BOOST_AUTO_TEST_SUITE_END()
