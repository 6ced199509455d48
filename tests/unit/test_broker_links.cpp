// Which links are open, who asked first, and when each is forgotten.
#include <boost/test/unit_test.hpp>

#include "broker/links/link_table.hpp"
#include "tests/unit/filled.hpp"

using namespace tertulia;
using namespace tertulia::broker;
using tertulia::test::filled;

namespace {

constexpr std::uint64_t kNowMs = 1'000'000;
constexpr std::uint64_t kLifeMs = 60'000;

struct Links {
  LinkTable::Declared declare(std::uint8_t link, std::uint8_t device, std::uint64_t now_ms = kNowMs,
                              std::optional<record::LinkNonce> nonce = {}, bool ended = false) {
    return table.declare(filled<CurvePublicKey>(link), filled<DeviceId>(device),
                         filled<CurvePublicKey>(static_cast<std::uint8_t>(device + 100)), kLifeMs,
                         nonce, ended, now_ms);
  }
  static LinkAsk ask_of(std::uint8_t who) {
    return {filled<SignPublicKey>(who), filled<CurvePublicKey>(who), filled<Signature>(who),
            filled<record::LinkMac>(who), "laptop"};
  }
  std::optional<OpenLink> ask(std::uint8_t link, std::uint8_t who, std::uint64_t now_ms = kNowMs) {
    return table.ask(filled<CurvePublicKey>(link), ask_of(who), now_ms);
  }
  LinkTable table{3};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_links, Links)

BOOST_AUTO_TEST_CASE(the_first_who_asks_is_the_one_whom_the_link_is_for) {
  BOOST_TEST(!ask(1, 7));
  BOOST_TEST(declare(1, 50).ok);
  BOOST_TEST((ask(1, 7)->ask == ask_of(7)));
  BOOST_TEST((ask(1, 8)->ask == ask_of(7)));
  BOOST_TEST((declare(1, 50).link.ask == ask_of(7)));
}

BOOST_AUTO_TEST_CASE(a_nonce_is_given_out_once_and_only_when_somebody_has_asked) {
  const auto nonce = filled<record::LinkNonce>(9), other = filled<record::LinkNonce>(10);
  BOOST_TEST(!declare(1, 50, kNowMs, nonce).link.nonce);
  ask(1, 7);
  const auto given = declare(1, 50, kNowMs, nonce);
  BOOST_TEST(given.is_news);
  BOOST_TEST((given.link.nonce == nonce));
  const auto again = declare(1, 50, kNowMs, other);
  BOOST_TEST(!again.is_news);
  BOOST_TEST((again.link.nonce == nonce));
}

BOOST_AUTO_TEST_CASE(an_end_and_an_expiry_are_final_and_remembered_for_a_while) {
  declare(1, 50);
  BOOST_TEST(declare(1, 50, kNowMs, {}, true).is_news);
  BOOST_TEST(!declare(1, 50).is_news);
  BOOST_TEST(ask(1, 7)->ended);
  BOOST_TEST(!ask(1, 7)->ask);
  declare(2, 51);
  // Said again later it lives no longer
  BOOST_TEST(declare(2, 51, kNowMs + 1'000).link.until_ms == kNowMs + kLifeMs);
  const std::uint64_t late = kNowMs + kLifeMs;
  BOOST_TEST(!ask(2, 7, late)->ask);
  BOOST_TEST(!ask(2, 7, late + link_remembered_ms).has_value());
  BOOST_TEST(!table.find(filled<CurvePublicKey>(2), late + link_remembered_ms).has_value());
}

BOOST_AUTO_TEST_CASE(a_device_has_one_link_and_all_have_a_bound) {
  BOOST_TEST(declare(1, 50).ok);
  BOOST_TEST(declare(2, 50).ok);
  BOOST_TEST(!table.find(filled<CurvePublicKey>(1), kNowMs).has_value());
  BOOST_TEST(!declare(2, 51).ok);  // another device's link
  BOOST_TEST(declare(3, 51).ok);
  BOOST_TEST(declare(4, 52).ok);
  BOOST_TEST(!declare(5, 53).ok);
  BOOST_TEST(declare(6, 52).ok);  // in the place of one's own
  BOOST_TEST(declare(5, 53, kNowMs + kLifeMs + link_remembered_ms).ok);
  LinkTable one;
  const auto forever = one.declare(filled<CurvePublicKey>(1), filled<DeviceId>(1),
                                   filled<CurvePublicKey>(2), UINT32_MAX, {}, false, kNowMs);
  BOOST_TEST(forever.link.until_ms == kNowMs + link_lifetime_ms_max);
}

BOOST_AUTO_TEST_SUITE_END()
