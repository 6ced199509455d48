// Events: everything that an administrator may search the journal for, or be told of. This table
// alone makes the journal's catalog. A MESSAGE_ID is for ever: it names one event, whatever its
// wording, and is given to no other.
#pragma once

#include <array>
#include <string_view>

#include "common/base/log.hpp"

namespace tertulia::broker::events {

// What `journalctl -x` adds to an event: what it means and what to do about it.
struct Described {
  const log::Event* event;
  std::string_view subject;      // a few words
  std::string_view explanation;  // sentences; the last ones say what to do
};

using log::Event;
using log::Level;

inline constexpr Event started{Level::notice, "started", "b0704eb22e394252b08e46dbba902dd8"};
inline constexpr Event stopped{Level::notice, "stopped", "732d424d1e9043fabcb12f3a8863a1d7"};
inline constexpr Event fatal{Level::error, "fatal", "76812f17f7554b80988c764c63e28993"};
inline constexpr Event disk_full{Level::error, "disk_full", "0e9535cf7f7b4a62894703774b59f70b"};
inline constexpr Event disk_has_space{Level::notice, "disk_has_space",
                                      "287bd2fa16264cd3b6657f7736fee937"};
inline constexpr Event reloaded{Level::notice, "reloaded", "da3091a7d972408e828ce7c051f298d9"};
inline constexpr Event reload_refused{Level::error, "reload_refused",
                                      "97e4b200107e4c99bf24a1cc5a7528b7"};
inline constexpr Event act_recorded{Level::notice, "act_recorded",
                                    "ff5c141c3a0240209a1a19f3af0c1c8d"};
inline constexpr Event thread_silent{Level::error, "thread_silent",
                                     "f99ce8ce8f304efd83cc395809cbda82"};
inline constexpr Event disk_nearly_full{Level::warning, "disk_nearly_full",
                                        "98772b8afa974d9fbd55e0b03cb3ea6d"};
inline constexpr Event clock_jumped{Level::warning, "clock_jumped",
                                    "c9d16d3a103244128d86b87fa33c442a"};
inline constexpr Event commits_slow{Level::warning, "commits_slow",
                                    "8b3c036696124a5a9440c0e4ca674574"};
inline constexpr Event handshakes_refused{Level::warning, "handshakes_refused",
                                          "5a5a43233671496499a30a26021fb758"};
inline constexpr Event backlog_grows{Level::warning, "backlog_grows",
                                     "dc95cf9287d14250a5769b046f86bf85"};
inline constexpr Event files_nearly_used{Level::warning, "files_nearly_used",
                                         "4177ed57aa86463ab7de0ec17daa98cb"};
inline constexpr Event wal_grows{Level::warning, "wal_grows", "b5f8efd49a93455e8f72f297184eaa85"};
inline constexpr Event health_good{Level::notice, "health_good",
                                   "98371d8e1f7444be9d4cb381780ff484"};
inline constexpr Event migrated{Level::notice, "migrated", "bd6604a76d4f4eeaa66ed90c366afb15"};

inline constexpr std::array all{
    Described{&started, "Tertulia serves",
              "The broker has checked the end of its record, listens, and lets clients in."},
    Described{&stopped, "Tertulia has stopped",
              "The broker has written what it had acknowledged and closed its record."},
    Described{
        &fatal, "Tertulia cannot go on",
        "Something that the broker stands on has failed, most often the disk. It ends without "
        "acknowledging anything more, and the service manager starts it again. If it does not "
        "come back, look at the line before this one and at the disk's health (dmesg)."},
    Described{
        &disk_full, "The disk is full: the record is read-only",
        "Nothing more can be written, and senders are told to wait; reading goes on. Make "
        "space on the disk that holds the data directory. The broker resumes by itself when 16 MiB "
        "are free."},
    Described{&disk_has_space, "The disk has space again",
              "The record is written again. Nothing needs to be done."},
    Described{&reloaded, "The configuration was read again",
              "What can change while the broker serves has changed; nobody was disconnected."},
    Described{
        &reload_refused, "The configuration was not read again",
        "There is a mistake in it, and everything stays as it was. Mend the place that the line "
        "names, try it with: tertuliad --config /etc/tertulia/tertuliad.toml --check-config, and "
        "reload again with: systemctl reload tertuliad."},
    Described{
        &act_recorded, "An act of administration is in the record",
        "Somebody was invited or enrolled, a room or a role changed, the server's card was "
        "renewed, or the like. TERTULIA_ACT says what, TERTULIA_SEQ is the entry's number, and "
        "TERTULIA_UNIX_USER who did it with tertuliactl. If nobody of yours did, find out who."},
    Described{&thread_silent, "A thread of Tertulia hangs",
              "A thread of the broker has not answered for several seconds, most often because the "
              "disk does not. If it stays so, the service manager ends the broker and starts it "
              "again; what was acknowledged is on disk. Look at the disk's health (dmesg)."},
    Described{
        &disk_nearly_full, "The disk is nearly full",
        "The disk that holds the record has little space left, or fills so fast that it soon will. "
        "When it is full the record becomes read-only. Make space on it, or give it more."},
    Described{&clock_jumped, "The clock has jumped",
              "Messages carry the broker's time, and it did not go on evenly. See that the clock "
              "is set by NTP (timedatectl), and that the machine's clock battery is good."},
    Described{&commits_slow, "Writing to the disk takes long",
              "Every sender waits until what he sent is on the disk. See what else writes to this "
              "disk, and whether it is sound (dmesg)."},
    Described{&handshakes_refused, "Many handshakes are refused",
              "Somebody knocks at the ports without a key of this server, or a client of yours has "
              "one that is no longer good. The broker lets nobody in; a firewall that lets only "
              "your network reach the two ports keeps strangers away."},
    Described{&backlog_grows, "Work piles up",
              "Clients send faster than this machine writes. They are told to wait, and nothing is "
              "lost. Look at commit latency and CPU with: tertuliactl status --watch."},
    Described{&files_nearly_used, "File descriptors run out",
              "When they are used up nobody can connect any more. Raise LimitNOFILE (systemctl "
              "edit tertuliad), or lower [limits] max_connections."},
    Described{&wal_grows, "The write-ahead log is not carried over",
              "Something holds an old state of the database open, such as a backup program or "
              "sqlite3. End it; nothing is lost meanwhile, but the file grows."},
    Described{&health_good, "A warning is over",
              "What had been warned of has been good for a minute. Nothing needs to be done."},
    Described{
        &migrated, "The database was carried into a new form",
        "A newer version of the broker has started. A copy of the database as it was is beside "
        "it; the two newest copies are kept. Going back to the earlier version needs that copy, "
        "and loses what is said from now on."},
};

}  // namespace tertulia::broker::events
