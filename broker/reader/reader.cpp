#include "broker/reader/reader.hpp"

#include <fmt/format.h>

#include "broker/flow/peer_backlog.hpp"
#include "broker/flow/reply.hpp"
#include "broker/log/log_reader.hpp"
#include "broker/reader/fair_queue.hpp"

namespace tertulia::broker {

struct Reader::Impl {
  Impl(const std::filesystem::path& database, std::shared_ptr<const DataKeyRing> keys,
       const DirectoryCell& cell, Queue<ReadRequest>& in, Queue<Outgoing>& out, Metrics& counters)
      : log(database, std::move(keys)),
        directory(cell),
        queue(in),
        outgoing(out),
        metrics(counters) {}

  LogReader log;
  const DirectoryCell& directory;
  Queue<ReadRequest>& queue;
  Queue<Outgoing>& outgoing;
  Metrics& metrics;
  std::atomic<bool> stopping{false};
  std::thread thread;

  void run();
  void serve(const ReadRequest& request);
  void busy(const Asker& asker, Count reason);
  pb::Reply answer(const HistoryRead& r);
  pb::Reply answer(const ConsistencyRead& r);
  pb::Reply answer(const InclusionRead& r);
};

void Reader::Impl::run() {
  std::vector<ReadRequest> arrived;
  FairQueue waiting;
  for (;;) {
    if (stopping) return;  // what is unread is asked again, after the restart
    if (waiting.empty()) queue.wait(-1);
    queue.take_all(arrived);
    for (auto& request : arrived)
      if (!waiting.add(std::move(request))) busy(request.asker, Count::refused_reader_busy);
    // One by one: a page is big, the next one takes its time, and others have asked meanwhile.
    if (const auto request = waiting.next()) serve(*request);
  }
}

void Reader::Impl::serve(const ReadRequest& request) {
  if (reads_too_slowly(request.asker.connection_fd)) {
    busy(request.asker, Count::refused_slow_peer);
    return;
  }
  const auto reply = std::visit([this](const auto& what) { return answer(what); }, request.what);
  metrics.add(Count::pages);
  outgoing.push_always(reply_frame(request.asker, reply));
}

void Reader::Impl::busy(const Asker& asker, Count reason) {
  metrics.add(reason);
  outgoing.push_always(busy_frame(asker));
}

pb::Reply Reader::Impl::answer(const HistoryRead& r) {
  pb::Reply reply;
  auto& page = *reply.mutable_history();
  const Bytes entries = log.history(r.room, r.from_room_seq, r.before, r.limit, page_bytes_max);
  page.set_entries(entries.data(), entries.size());
  const auto snapshot = directory.load();
  if (const Room* room = snapshot->room(r.room); room != nullptr && room->head)
    page.set_head_room_seq(room->head->room_seq);
  return reply;
}

pb::Reply Reader::Impl::answer(const ConsistencyRead& r) {
  pb::Reply reply;
  auto& proof = *reply.mutable_proof();
  for (const auto& h : merkle::consistency_proof(r.old_size, r.new_size, log.node_reader()))
    proof.add_hashes(h.data(), h.size());
  return reply;
}

pb::Reply Reader::Impl::answer(const InclusionRead& r) {
  pb::Reply reply;
  auto& proof = *reply.mutable_proof();
  for (const auto& h : merkle::inclusion_proof(r.seq, r.size, log.node_reader()))
    proof.add_hashes(h.data(), h.size());
  return reply;
}

Reader::Reader(std::size_t number, const std::filesystem::path& database,
               std::shared_ptr<const DataKeyRing> keys, const DirectoryCell& directory,
               Queue<ReadRequest>& queue, Queue<Outgoing>& outgoing, Metrics& metrics,
               FatalReport fatal)
    : impl_(
          std::make_unique<Impl>(database, std::move(keys), directory, queue, outgoing, metrics)) {
  impl_->thread = start_thread(fmt::format("t-reader-{}", number), std::move(fatal),
                               [i = impl_.get()] { i->run(); });
}
Reader::~Reader() { stop(); }
void Reader::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->stopping = true;
  impl_->queue.wake();
  impl_->thread.join();
}

}  // namespace tertulia::broker
