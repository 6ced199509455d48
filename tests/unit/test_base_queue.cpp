#include <boost/test/unit_test.hpp>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/queue.hpp"

using namespace tertulia;

namespace {
constexpr int kDeadlineMs = 30000;
}

BOOST_AUTO_TEST_SUITE(base_queue)

BOOST_AUTO_TEST_CASE(the_taker_gets_everything_at_once_in_order) {
  Queue<int> queue(10);
  BOOST_TEST(!queue.wait(0));
  for (int i = 0; i < 5; ++i) BOOST_TEST(queue.push(int{i}));
  BOOST_TEST(queue.wait(0));
  BOOST_TEST(queue.depth() == 5u);
  std::vector<int> out{99};
  queue.take_all(out);
  BOOST_TEST((out == std::vector<int>{0, 1, 2, 3, 4}));
  BOOST_TEST(!queue.wait(0));
  queue.take_all(out);
  BOOST_TEST(out.empty());
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_and_leaves_the_item_whole) {
  Queue<std::unique_ptr<int>> queue(1);
  BOOST_TEST(queue.push(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  BOOST_TEST(!queue.push(std::move(second)));
  BOOST_REQUIRE(second != nullptr);
  BOOST_TEST(*second == 2);  // NOLINT(bugprone-use-after-move): a refused item stays ours
  std::vector<std::unique_ptr<int>> out;
  queue.take_all(out);
  BOOST_TEST(out.size() == 1u);
  BOOST_TEST(queue.push(std::move(second)));
}

BOOST_AUTO_TEST_CASE(bytes_are_bounded_too) {
  Queue<int> queue(100, 1000);
  BOOST_TEST(queue.push(1, 600));
  BOOST_TEST(!queue.push(2, 500));
  BOOST_TEST(queue.push(3, 400));
  std::vector<int> out;
  queue.take_all(out);
  BOOST_TEST((out == std::vector<int>{1, 3}));
  // One item above the bound passes when nothing else waits: otherwise it never would.
  BOOST_TEST(queue.push(4, 5000));
  BOOST_TEST(!queue.push(5, 1));
}

BOOST_AUTO_TEST_CASE(answers_pass_a_full_queue) {
  Queue<int> queue(1);
  BOOST_TEST(queue.push(1));
  queue.push_always(2);
  queue.push_always(std::vector<int>{3, 4});
  std::vector<int> out;
  queue.take_all(out);
  BOOST_TEST((out == std::vector<int>{1, 2, 3, 4}));
  queue.push_always(std::vector<int>{});
  BOOST_TEST(!queue.wait(0));
}

BOOST_AUTO_TEST_CASE(wake_wakes_an_empty_queue_once) {
  Queue<int> queue(1);
  queue.wake();
  queue.wake();
  BOOST_TEST(queue.wait(0));
  std::vector<int> out;
  queue.take_all(out);
  BOOST_TEST(out.empty());
  BOOST_TEST(!queue.wait(0));
}

// Four threads push through a small bound while one takes: all of it arrives, each thread's in its
// order, and the taker never sleeps on something that waits for it.
BOOST_AUTO_TEST_CASE(four_threads_lose_nothing) {
  constexpr int kThreads = 4, kEach = 50000;
  Queue<std::pair<int, int>> queue(256, 4096);
  std::vector<std::thread> pushers;
  for (int t = 0; t < kThreads; ++t)
    pushers.emplace_back([&queue, t] {
      for (int i = 0; i < kEach; ++i) {
        if (i % 100 == 0)
          queue.push_always({t, i}, 8);
        else
          while (!queue.push({t, i}, 8)) std::this_thread::yield();
      }
    });

  std::vector<int> next(kThreads, 0);
  int taken = 0;
  bool in_order = true, woken = true;
  std::vector<std::pair<int, int>> batch;
  const auto deadline = monotonic_ms() + kDeadlineMs;
  while (taken < kThreads * kEach && woken && monotonic_ms() < deadline) {
    woken = queue.wait(kDeadlineMs);
    queue.take_all(batch);
    for (const auto& [thread, i] : batch)
      in_order = in_order && next[static_cast<std::size_t>(thread)]++ == i;
    taken += static_cast<int>(batch.size());
  }
  // Pushers that still wait for room would never end: give it to them before joining.
  while (taken < kThreads * kEach && monotonic_ms() < deadline) {
    queue.take_all(batch);
    taken += static_cast<int>(batch.size());
  }
  for (auto& pusher : pushers) pusher.join();
  BOOST_TEST(woken);
  BOOST_TEST(in_order);
  BOOST_TEST(taken == kThreads * kEach);
  BOOST_TEST(queue.depth() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
