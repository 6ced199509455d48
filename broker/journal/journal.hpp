// Lines to systemd's journal in its native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL), so
// that events keep their MESSAGE_ID and fields: TERTULIA_EVENT, and TERTULIA_DEVICE, _ROOM, _SEQ,
// _REASON … of log::Field. One datagram a line, without waiting: a journal that is away, or does not
// keep up, takes nobody's time, and the line goes to stderr.
//
// Not by libsystemd: sd_journal_sendv() is this one datagram, and the library brings six others into a
// process that is to stay small (measured: 9.8 MiB resident without it, 10.5 MiB with it).
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "common/base/log.hpp"

namespace tertulia::broker {

inline constexpr const char* journal_socket = "/run/systemd/journal/socket";

// $JOURNAL_STREAM names what stderr is (sd-daemon(3)): then the journal reads it.
bool stderr_is_journal();

// From now on lines go there. Before threads start; throws if there can be no socket.
void log_to_journal(const std::filesystem::path& socket = journal_socket);

// The datagram of one line. Values lose their control characters: none can forge a field.
std::string journal_entry(log::Level level, const log::Event* event,
                          std::span<const log::Field> fields, std::string_view line);

// What `journalctl -x` reads: every event of broker/events, what it means and what to do.
std::string catalog();

}  // namespace tertulia::broker
