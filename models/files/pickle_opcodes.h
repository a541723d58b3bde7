// The opcodes of pickles, by their values and names in Python's Lib/pickletools.py.
#pragma once

#include <cstdint>

namespace reel::models {

/// Opcodes that the reader carries out. pickletools documents what each does.
enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kShortBinUnicode = 0x8c,
  kEmptyDict = '}',
  kEmptyList = ']',
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kSetItem = 's',
  kSetItems = 'u',
  kAppend = 'a',
  kAppends = 'e',
  kPut = 'p',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kMemoize = 0x94,
  kGet = 'g',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kGlobal = 'c',
  kStackGlobal = 0x93,
  kReduce = 'R',
  kBuild = 'b',
  kBinPersId = 'Q',
  kProto = 0x80,
  kFrame = 0x95,
  kInst = 'i',
};

/// Opcodes that the reader refuses, by their names in pickletools; those that make objects or run code come
/// first.
struct OpcodeName {
  uint8_t code;
  const char* name;
};
inline constexpr OpcodeName kRefused[] = {{kInst, "INST"},       {'o', "OBJ"},
                                          {0x81, "NEWOBJ"},      {0x92, "NEWOBJ_EX"},
                                          {0x82, "EXT1"},        {0x83, "EXT2"},
                                          {0x84, "EXT4"},        {'P', "PERSID"},
                                          {'0', "POP"},          {'1', "POP_MARK"},
                                          {'2', "DUP"},          {'I', "INT"},
                                          {'L', "LONG"},         {0x8b, "LONG4"},
                                          {'F', "FLOAT"},        {'S', "STRING"},
                                          {'T', "BINSTRING"},    {'U', "SHORT_BINSTRING"},
                                          {'B', "BINBYTES"},     {'C', "SHORT_BINBYTES"},
                                          {0x8e, "BINBYTES8"},   {0x96, "BYTEARRAY8"},
                                          {0x97, "NEXT_BUFFER"}, {0x98, "READONLY_BUFFER"},
                                          {'V', "UNICODE"},      {0x8d, "BINUNICODE8"},
                                          {'l', "LIST"},         {'d', "DICT"},
                                          {0x8f, "EMPTY_SET"},   {0x90, "ADDITEMS"},
                                          {0x91, "FROZENSET"}};

}  // namespace reel::models
