#include <boost/test/unit_test.hpp>

#include "common/base/bytes.hpp"
#include "common/base/clock.hpp"

using namespace tertulia;

BOOST_AUTO_TEST_SUITE(base_bytes)

BOOST_AUTO_TEST_CASE(hex_is_lower_case_and_reads_back) {
  const Bytes bytes{0x00, 0x0f, 0xa5, 0xff};
  BOOST_TEST(to_hex(bytes) == "000fa5ff");
  BOOST_TEST((from_hex("000fa5ff") == bytes));
  BOOST_TEST((from_hex("000FA5FF") == bytes));
  BOOST_TEST(from_hex("").value().empty());
  BOOST_TEST(to_hex({}).empty());
}

BOOST_AUTO_TEST_CASE(hex_that_is_not_whole_is_refused) {
  for (const char* text : {"0", "00f", "0g", "zz", "00 11", "0x00", " 00", "00 "})
    BOOST_TEST(!from_hex(text).has_value(), text);
}

// RFC 4648 section 10.
BOOST_AUTO_TEST_CASE(base64_of_the_rfc) {
  const char* const vectors[][2] = {{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    BOOST_TEST(to_base64(as_bytes(plain)) == encoded);
    BOOST_REQUIRE(from_base64(encoded).has_value());
    BOOST_TEST(as_text(from_base64(encoded).value()) == plain);
  }
}

BOOST_AUTO_TEST_CASE(base64url_has_its_own_alphabet_and_no_padding) {
  const Bytes bytes{0xfb, 0xff, 0xfe, 0x01};
  BOOST_TEST(to_base64(bytes) == "+//+AQ==");
  BOOST_TEST(to_base64url(bytes) == "-__-AQ");
  BOOST_TEST((from_base64url("-__-AQ") == bytes));
  BOOST_TEST(!from_base64url("+//+AQ").has_value());
  BOOST_TEST(!from_base64url("-__-AQ==").has_value());
  BOOST_TEST(!from_base64("-__-AQ==").has_value());
}

BOOST_AUTO_TEST_CASE(a_value_has_one_base64_spelling) {
  // "Zh==" has the same bytes as "Zg==", with a low bit set that no byte uses.
  for (const char* text : {"Zh==", "Zg=", "Zg", "Zg===", "Zg==\n", " Zg==", "Zg==Zg==", "Z"})
    BOOST_TEST(!from_base64(text).has_value(), text);
  for (const char* text : {"Zh", "Z", "Zg ", "Zg\n"})
    BOOST_TEST(!from_base64url(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(every_length_reads_back) {
  Bytes bytes;
  for (int n = 0; n < 70; ++n) {
    BOOST_TEST((from_hex(to_hex(bytes)) == bytes));
    BOOST_TEST((from_base64(to_base64(bytes)) == bytes));
    BOOST_TEST((from_base64url(to_base64url(bytes)) == bytes));
    bytes.push_back(static_cast<std::uint8_t>(n * 37 + 200));
  }
}

BOOST_AUTO_TEST_CASE(utf8_that_is_well_formed) {
  for (const char* text : {"", "plain", "ñandú", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
                           "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
                           "\xf4\x8f\xbf\xbf", "👩‍👩‍👧 emoji", "línea\notra\tlínea"})
    BOOST_TEST(is_valid_utf8(as_bytes(text)), text);
  BOOST_TEST(is_valid_utf8(as_bytes(std::string_view("a\0b", 3))));
}

// The borders of RFC 3629's table.
BOOST_AUTO_TEST_CASE(utf8_that_is_not) {
  for (const char* text : {"\x80",
                           "\xbf",
                           "\xc0\x80",
                           "\xc1\xbf",
                           "\xc2",
                           "\xc2\x41",
                           "\xc2\xc2",
                           "\xe0\x9f\xbf",
                           "\xe0\xa0",
                           "\xed\xa0\x80",
                           "\xed\xbf\xbf",
                           "\xef\xbf",
                           "\xf0\x8f\xbf\xbf",
                           "\xf0\x90\x80",
                           "\xf4\x90\x80\x80",
                           "\xf5\x80\x80\x80",
                           "\xfe",
                           "\xff",
                           "ok\xff",
                           "ok\xf0\x9f\x98"})
    BOOST_TEST(!is_valid_utf8(as_bytes(text)), to_hex(as_bytes(text)));
}

BOOST_AUTO_TEST_CASE(integers_are_big_endian) {
  Bytes out;
  Writer w(out);
  w.u8(0x01);
  w.u16(0x0203);
  w.u32(0x04050607);
  w.u64(0x08090a0b0c0d0e0fULL);
  w.raw("ok");
  BOOST_TEST(to_hex(out) == "0102030405060708090a0b0c0d0e0f6f6b");

  Reader r(out);
  BOOST_TEST(r.u8() == 0x01);
  BOOST_TEST(r.u16() == 0x0203);
  BOOST_TEST(r.u32() == 0x04050607u);
  BOOST_TEST(r.u64() == 0x08090a0b0c0d0e0fULL);
  BOOST_TEST(!r.done());
  BOOST_TEST(r.literal("ok"));
  BOOST_TEST(r.done());
}

BOOST_AUTO_TEST_CASE(a_read_past_the_end_yields_zeros_and_stays_bad) {
  const Bytes in{1, 2, 3};
  Reader r(in);
  BOOST_TEST(r.u16() == 0x0102);
  BOOST_TEST(r.u32() == 0u);
  BOOST_TEST(!r.ok());
  BOOST_TEST(r.u8() == 0);
  BOOST_TEST(r.id<DeviceId>().is_zero());
  BOOST_TEST(r.raw(1).empty());
  BOOST_TEST(!r.done());

  Reader other(in);
  BOOST_TEST(!other.literal("ab"));
  BOOST_TEST(!other.done());
}

BOOST_AUTO_TEST_CASE(an_id_wants_its_exact_length) {
  const Bytes sixteen(16, 7), fifteen(15, 7);
  BOOST_TEST(DeviceId::parse(sixteen).has_value());
  BOOST_TEST(!DeviceId::parse(fifteen).has_value());
  BOOST_TEST(!DeviceId::parse({}).has_value());
  BOOST_TEST(!DeviceId::from(sixteen).is_zero());
  BOOST_TEST(DeviceId{}.is_zero());
  static_assert(!std::is_convertible_v<DeviceId, RoomId>);
}

BOOST_AUTO_TEST_CASE(times_are_utc_with_milliseconds) {
  BOOST_TEST(rfc3339_ms(0) == "1970-01-01T00:00:00.000Z");
  BOOST_TEST(rfc3339_ms(1795408717123) == "2026-11-23T04:38:37.123Z");
  BOOST_TEST(rfc3339_ms(1709251199999) == "2024-02-29T23:59:59.999Z");
}

BOOST_AUTO_TEST_SUITE_END()
