#include "models/files/pickle.h"

#include <cstring>

#include "models/files/pickle_builder.h"
#include "models/files/pickle_opcodes.h"
#include "models/files/refuse.h"

namespace reel::models {
namespace {

using Kind = PickleValue::Kind;

constexpr size_t kMaxPickleBytes = 64'000'000, kMaxOpcodes = 2'000'000, kMaxLineBytes = 1024;

class Machine {
 public:
  explicit Machine(std::string_view bytes) : bytes_(bytes) {}

  Pickle run() {
    if (bytes_.size() > kMaxPickleBytes) refuse("its pickle is larger than 64 MB");
    for (size_t count = 0;; ++count) {
      if (count == kMaxOpcodes) refuse("its pickle has more than 2,000,000 opcodes");
      const auto opcode = static_cast<Opcode>(number<uint8_t>());
      if (opcode == kStop) break;
      step(opcode);
    }
    if (position_ != bytes_.size()) refuse("its pickle goes on behind its end");
    const PickleValue root = pop();
    if (!stack_.empty() || !marks_.empty()) refuse("its pickle ends with values left over");
    return builder_.finish(root);
  }

 private:
  void step(Opcode opcode) {
    switch (opcode) {
      case kProto:
        if (const int version = number<uint8_t>(); version < 2 || version > 5) {
          refuse("its pickle has protocol " + std::to_string(version) + "; 2 to 5 are read");
        }
        return;
      case kFrame:  // says how much to read at once: all is in memory here
        if (number<uint64_t>() > bytes_.size() - position_) refuse("a frame of its pickle leaves it");
        return;
      case kMark:
        return marks_.push_back(stack_.size());
      case kNone:
      case kNewTrue:
      case kNewFalse:
        return push({});
      case kBinInt:
        return push({Kind::kInteger, number<int32_t>()});
      case kBinInt1:
        return push({Kind::kInteger, number<uint8_t>()});
      case kBinInt2:
        return push({Kind::kInteger, number<uint16_t>()});
      case kLong1:
        return push_long(take(number<uint8_t>()));
      case kBinFloat:
        take(8);
        return push({});
      case kBinUnicode:
        return push({Kind::kText, 0, take(number<uint32_t>())});
      case kShortBinUnicode:
        return push({Kind::kText, 0, take(number<uint8_t>())});
      case kEmptyDict:
        return push(builder_.container(Kind::kDict, {}));
      case kEmptyList:
        return push(builder_.container(Kind::kList, {}));
      case kEmptyTuple:
        return push(builder_.container(Kind::kTuple, {}));
      case kTuple:
        return push(builder_.container(Kind::kTuple, pop_to_mark()));
      case kTuple1:
      case kTuple2:
      case kTuple3:
        return push(builder_.container(Kind::kTuple, pop_last(size_t{opcode} - kTuple1 + 1)));
      case kSetItem:
        return add_items(pop_last(2));
      case kSetItems:
        return add_items(pop_to_mark());
      case kAppend:
        return append(pop_last(1));
      case kAppends:
        return append(pop_to_mark());
      case kPut:
        return put(line_number());
      case kBinPut:
        return put(number<uint8_t>());
      case kLongBinPut:
        return put(number<uint32_t>());
      case kMemoize:
        return put(memo_.size());
      case kGet:
        return get(line_number());
      case kBinGet:
        return get(number<uint8_t>());
      case kLongBinGet:
        return get(number<uint32_t>());
      case kGlobal: {
        const std::string_view module = line();
        return push(PickleBuilder::global(module, line()));
      }
      case kStackGlobal: {
        const std::vector<PickleValue> names = pop_last(2);
        if (names[0].kind != Kind::kText || names[1].kind != Kind::kText) {
          refuse("its pickle names a global by something other than text");
        }
        return push(PickleBuilder::global(names[0].text, names[1].text));
      }
      case kInst: {  // a call of a global as well: its name tells more than the opcode's
        const std::string_view module = line();
        PickleBuilder::global(module, line());
        break;
      }
      case kReduce: {
        const PickleValue arguments = pop();
        return push(builder_.call(pop(), arguments));
      }
      case kBuild:
        return build();
      case kBinPersId:
        return push(builder_.storage(pop()));
      default:
        break;
    }
    for (const OpcodeName& known : kRefused) {
      if (known.code == opcode)
        refuse(std::string("its pickle uses ") + known.name + ", which no tensor needs");
    }
    refuse("its pickle has the unknown opcode " + std::to_string(opcode));
  }

  // The bytes.

  std::string_view take(uint64_t count) {
    if (count > bytes_.size() - position_) refuse("its pickle is cut off");
    const std::string_view part = bytes_.substr(position_, count);
    position_ += count;
    return part;
  }
  template <class Number>
  Number number() {
    Number value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view line() {
    const size_t end = bytes_.substr(position_).substr(0, kMaxLineBytes + 1).find('\n');
    if (end == std::string_view::npos) refuse("its pickle has a line without end");
    const std::string_view text = take(end);
    take(1);
    return text;
  }
  uint64_t line_number() {
    const std::string_view digits = line();
    uint64_t value = 0;
    if (digits.empty() || digits.size() > 9) refuse("its pickle has a memo number that is none");
    for (const char digit : digits) {
      if (digit < '0' || digit > '9') refuse("its pickle has a memo number that is none");
      value = value * 10 + static_cast<uint64_t>(digit - '0');
    }
    return value;
  }

  // The stack. Values below the last mark are out of reach.

  void push(PickleValue value) { stack_.push_back(value); }
  std::vector<PickleValue> pop_last(size_t count) {
    if (stack_.size() - (marks_.empty() ? 0 : marks_.back()) < count) {
      refuse("its pickle takes more values than it has");
    }
    std::vector<PickleValue> values(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }
  PickleValue pop() { return pop_last(1)[0]; }
  const PickleValue& top() const {
    if (stack_.size() == (marks_.empty() ? 0 : marks_.back()))
      refuse("its pickle takes more values than it has");
    return stack_.back();
  }
  std::vector<PickleValue> pop_to_mark() {
    if (marks_.empty()) refuse("its pickle has no mark where it goes back to one");
    std::vector<PickleValue> values = pop_last(stack_.size() - marks_.back());
    marks_.pop_back();
    return values;
  }

  // Python's pickler numbers the values that it keeps 0, 1, 2, ...: a number must not run ahead.
  void put(uint64_t index) {
    const PickleValue value = top();
    if (index > memo_.size()) refuse("its pickle keeps a value under a number out of turn");
    if (index == memo_.size()) return memo_.push_back(value);
    memo_[index] = value;
  }
  void get(uint64_t index) {
    if (index >= memo_.size()) refuse("its pickle recalls what it never kept");
    push(memo_[index]);
  }

  // The values.

  void push_long(std::string_view digits) {  // little-endian two's complement
    if (digits.size() > 8) return push({});
    uint64_t value = !digits.empty() && static_cast<signed char>(digits.back()) < 0 ? ~uint64_t{0} : 0;
    std::memcpy(&value, digits.data(), digits.size());
    push({Kind::kInteger, static_cast<int64_t>(value)});
  }
  void append_to(const PickleValue& target, const std::vector<PickleValue>& values) {
    std::vector<PickleValue>& list = builder_.contents(target);
    list.insert(list.end(), values.begin(), values.end());
  }
  void add_items(const std::vector<PickleValue>& items) {
    if (!top().is_dict()) refuse("its pickle sets items of something that is no dictionary");
    if (items.size() % 2) refuse("its pickle has a key without its value");
    append_to(top(), items);
  }
  void append(const std::vector<PickleValue>& values) {
    if (top().kind != Kind::kList) refuse("its pickle appends to something that is no list");
    append_to(top(), values);
  }

  /// state_dict() attaches `_metadata` (versions of modules) to its OrderedDict as an attribute; it is
  /// ignored.
  void build() {
    const PickleValue state = pop();
    if (top().kind != Kind::kOrderedDict) refuse("its pickle sets attributes of something that has none");
    if (!state.is_dict()) refuse("its pickle sets attributes that are no dictionary");
  }

  std::string_view bytes_;
  size_t position_ = 0;
  std::vector<PickleValue> stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::vector<PickleValue> memo_;
  PickleBuilder builder_;
};

}  // namespace

Pickle read_pickle(std::string_view bytes) { return Machine(bytes).run(); }

}  // namespace reel::models
