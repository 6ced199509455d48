// main() of every unit test program.
#define BOOST_TEST_MODULE tertulia
#include <boost/test/unit_test.hpp>
