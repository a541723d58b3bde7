#include "pipeline/batch/journal.h"

#include <sqlite3.h>

#include <fstream>
#include <stdexcept>
#include <string_view>

#include "models/files/input/input_file.h"

namespace reel::pipeline {
namespace {

constexpr int kApplication = 0x5245454c;  // "REEL", SQLite's application_id: whose database it is
constexpr int kVersion = 1;

}  // namespace

/// A connection, and statements of it.
class Journal::Database {
 public:
  explicit Database(const std::string& path) : path_(path) {
    const int status = sqlite3_open_v2(
        path.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, nullptr);
    if (status != SQLITE_OK) {
      const std::string reason = handle_ ? sqlite3_errmsg(handle_) : "no memory";
      sqlite3_close(handle_);
      refuse("cannot be opened (" + reason + ")");
    }
    sqlite3_extended_result_codes(handle_, 1);
    // The file is untrusted: nothing in its schema may run.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  }
  ~Database() { sqlite3_close(handle_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[noreturn]] void refuse(const std::string& fault) const {
    throw std::runtime_error("[" + path_ + "] " + fault +
                             "; name another journal (--journal FILE), or remove it to begin anew");
  }

  /// Turns a status of SQLite into an error.
  [[noreturn]] void fail(int status) const {
    const int primary = status & 0xff;
    if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
      throw std::runtime_error("[" + path_ + "] is in use by another run; wait until it is done, or stop it");
    if (primary == SQLITE_FULL)
      throw std::runtime_error(
          "[" + path_ + "] cannot be written: the disk is full; make room and run again with --resume");
    if (primary == SQLITE_NOTADB || primary == SQLITE_CORRUPT)
      refuse(std::string("is no journal of reel, or damaged (") + sqlite3_errmsg(handle_) + ")");
    refuse(std::string("cannot be used (") + sqlite3_errmsg(handle_) + ")");
  }

  void run(const char* sql) const {
    const int status = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    if (status != SQLITE_OK) fail(status);
  }

  sqlite3* handle() const { return handle_; }

 private:
  std::string path_;
  sqlite3* handle_ = nullptr;
};

namespace {

/// A prepared statement with its values.
template <class Database>
class Statement {
 public:
  Statement(const Database& database, std::string_view sql) : database_(database) {
    check(sqlite3_prepare_v2(database.handle(), sql.data(), int(sql.size()), &statement_, nullptr));
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int place, int64_t value) {
    check(sqlite3_bind_int64(statement_, place, value));
    return *this;
  }
  Statement& bind(int place, const std::string& value) {
    check(sqlite3_bind_text64(statement_, place, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
    return *this;
  }
  Statement& bind(int place, const std::optional<std::string>& value) {
    return value ? bind(place, *value) : *this;  // NULL if it is not bound
  }
  /// True if there is a row.
  bool step() {
    const int status = sqlite3_step(statement_);
    if (status != SQLITE_ROW && status != SQLITE_DONE) database_.fail(status);
    return status == SQLITE_ROW;
  }
  int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes ? std::string(bytes, size_t(sqlite3_column_bytes(statement_, column))) : std::string();
  }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  void check(int status) const {
    if (status != SQLITE_OK) database_.fail(status);
  }
  const Database& database_;
  sqlite3_stmt* statement_ = nullptr;
};

template <class Database>
int64_t number(const Database& database, std::string_view sql) {
  Statement statement(database, sql);
  return statement.step() ? statement.integer(0) : 0;
}

/// Runs `action` so that all of it is kept, or nothing.
template <class Database, class Action>
void together(const Database& database, const Action& action) {
  database.run("BEGIN IMMEDIATE");
  try {
    action();
    database.run("COMMIT");
  } catch (...) {
    sqlite3_exec(database.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

template <class Database>
void insert(const Database& database, size_t first, const std::vector<BatchInput>& inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    Statement(database, "INSERT INTO input VALUES (?, ?, ?)")
        .bind(1, int64_t(first + i))
        .bind(2, inputs[i].path)
        .bind(3, inputs[i].prompt)
        .step();
  }
}

/// SQLite takes a file of a few bytes for an empty database, and writes over it.
void refuse_other_files(const std::string& path) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  if (!models::has_input(path)) return;
  char start[kMagic.size()] = {};
  std::ifstream file(path, std::ios::binary);
  file.read(start, sizeof start);
  if (file.gcount() > 0 && std::string_view(start, size_t(file.gcount())) != kMagic)
    throw std::runtime_error("[" + path + "] is no journal of reel; name another journal (--journal FILE)");
}

}  // namespace

Journal::Journal(const std::string& path) : path_(path) {
  refuse_other_files(path);
  database_ = std::make_unique<Database>(path);
  const Database& database = *database_;
  // One process at a time: the lock is held until the journal is closed.
  database.run("PRAGMA locking_mode = EXCLUSIVE");
  const int64_t owner = number(database, "PRAGMA application_id");
  const int64_t version = number(database, "PRAGMA user_version");
  fresh_ = number(database, "SELECT count(*) FROM sqlite_schema") == 0;
  if (!fresh_ && owner != kApplication) database.refuse("is a database of another program");
  if (!fresh_ && version != kVersion) {
    database.refuse("is a journal of version " + std::to_string(version) + ", and this reel reads version " +
                    std::to_string(kVersion));
  }
  // Only now is anything written.
  database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE; COMMIT;");
}

Journal::~Journal() = default;

void Journal::begin(const std::map<std::string, std::string>& settings,
                    const std::vector<BatchInput>& inputs) {
  const Database& database = *database_;
  together(database, [&] {
    database.run(("PRAGMA application_id = " + std::to_string(kApplication) +
                  "; PRAGMA user_version = " + std::to_string(kVersion) + ";")
                     .c_str());
    database.run(
        "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
        "CREATE TABLE input (number INTEGER PRIMARY KEY, path TEXT NOT NULL, prompt TEXT);"
        "CREATE TABLE entry (number INTEGER PRIMARY KEY, stamp TEXT NOT NULL, failed INTEGER NOT NULL, line "
        "TEXT NOT NULL);");
    for (const auto& [name, value] : settings)
      Statement(database, "INSERT INTO setting VALUES (?, ?)").bind(1, name).bind(2, value).step();
    insert(database, 0, inputs);
  });
}

std::map<std::string, std::string> Journal::settings() const {
  std::map<std::string, std::string> settings;
  if (fresh_) return settings;
  for (Statement rows(*database_, "SELECT name, value FROM setting"); rows.step();)
    settings[rows.text(0)] = rows.text(1);
  return settings;
}

std::vector<BatchInput> Journal::inputs() const {
  std::vector<BatchInput> inputs;
  if (fresh_) return inputs;
  for (Statement rows(*database_, "SELECT number, path, prompt FROM input ORDER BY number"); rows.step();) {
    if (rows.integer(0) != int64_t(inputs.size())) database_->refuse("is damaged (inputs are missing)");
    inputs.push_back({rows.text(1), rows.is_null(2) ? std::nullopt : std::optional(rows.text(2))});
  }
  return inputs;
}

void Journal::append(const std::vector<BatchInput>& inputs) {
  const auto first = size_t(number(*database_, "SELECT count(*) FROM input"));
  together(*database_, [&] { insert(*database_, first, inputs); });
}

std::optional<JournalEntry> Journal::find(size_t index) const {
  Statement row(*database_, "SELECT stamp, failed, line FROM entry WHERE number = ?");
  if (!row.bind(1, int64_t(index)).step()) return std::nullopt;
  return JournalEntry{row.text(0), row.integer(1) != 0, row.text(2)};
}

void Journal::for_each(const std::function<void(size_t, const JournalEntry&)>& visit) const {
  const int64_t inputs = number(*database_, "SELECT count(*) FROM input");
  for (Statement rows(*database_, "SELECT number, stamp, failed, line FROM entry ORDER BY number");
       rows.step();) {
    if (rows.integer(0) < 0 || rows.integer(0) >= inputs)
      database_->refuse("is damaged (an entry is of no input)");
    visit(size_t(rows.integer(0)), {rows.text(1), rows.integer(2) != 0, rows.text(3)});
  }
}

void Journal::add(size_t index, const JournalEntry& entry) {
  Statement(*database_, "INSERT INTO entry VALUES (?, ?, ?, ?)")
      .bind(1, int64_t(index))
      .bind(2, entry.stamp)
      .bind(3, int64_t(entry.failed))
      .bind(4, entry.line)
      .step();
}

void Journal::forget_failed() { database_->run("DELETE FROM entry WHERE failed"); }

}  // namespace reel::pipeline
