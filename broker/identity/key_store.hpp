// KeyStore: the keys of the server that change (transport, log, kek), as files of DIR/keys (0600, 32
// bytes each) and as credentials of the service (systemd.exec(5)), which go before files.
//
//   NAME.key         the key in use
//   NAME.next.key    the one that is to take its place
//   NAME.before.key  the one whose place it has taken (of the log key, as long as both sign)
//
// Which of them *is* in use, the record says (the newest card, the wrapped data key), not the name of
// a file: a crash may come between the record's commit and the renaming. Whoever opens the record
// compares, and take_next() makes the names say the same. Every step is fsynced before the next one.
// Credentials are read and never written: their names are the administrator's to change
// (docs/admin-guide.md, "Keys as credentials").
//
// Main thread at the start, then t-log. Failures of the disk: std::system_error.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/result.hpp"
#include "common/crypto/keys.hpp"

namespace tertulia::broker {

class KeyStore {
 public:
  explicit KeyStore(std::filesystem::path directory) : directory_(std::move(directory)) {}

  enum class Stage { in_use, next, before };
  static std::string file_name(const std::string& name, Stage stage);

  // nullopt: there is none. Throws std::runtime_error with a sentence for one that others may read or
  // that has another length.
  std::optional<crypto::Seed> read(const std::string& name, Stage stage) const;
  bool is_credential(const std::string& name, Stage stage) const;
  // Where the key is, or would be.
  std::filesystem::path place(const std::string& name, Stage stage) const;

  // The key that is to take the place of NAME.key: the credential NAME.next.key if the service has
  // one, else a new one, which is on disk when this returns. The error, a sentence: NAME.key is a
  // credential, so that the next one has to be one, too.
  Result<crypto::Seed, std::string> make_next(const std::string& name) const;
  // NAME.next.key becomes NAME.key; keep: what was NAME.key becomes NAME.before.key. May be done again
  // after a crash. Nothing where one of the two is a credential.
  void take_next(const std::string& name, bool keep) const;
  // Removes the file; nothing if there is none, or if it is a credential.
  void drop(const std::string& name, Stage stage) const;

 private:
  std::filesystem::path credential(const std::string& name, Stage stage) const;  // empty: none
  std::filesystem::path file(const std::string& name, Stage stage) const;
  std::filesystem::path directory_;
};

}  // namespace tertulia::broker
