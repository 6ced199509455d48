// The store's statements, apart from the code that runs them. Private to store.cpp.
#pragma once

#include "client/engine/store.hpp"
#include "common/base/log.hpp"

namespace tertulia::client {

struct Store::Statements {
  explicit Statements(Database& d) : db(d) {}
  Database& db;
  Statement get_fact{db, "SELECT value FROM facts WHERE name=?"};
  Statement set_fact{
      db, "INSERT INTO facts VALUES(?,?) ON CONFLICT(name) DO UPDATE SET value=excluded.value"};
  Statement get_rooms{
      db,
      "SELECT room,name,topic,head,read_up_to,draft FROM rooms WHERE position>0 ORDER BY position"};
  Statement put_room{
      db,
      "INSERT INTO rooms VALUES(?,?,?,?,?,?,?) ON CONFLICT(room) DO UPDATE SET "
      "name=excluded.name, topic=excluded.topic, head=excluded.head, position=excluded.position"};
  Statement set_draft{db, "UPDATE rooms SET draft=?2 WHERE room=?1"};
  Statement set_read{db, "UPDATE rooms SET read_up_to=max(read_up_to,?2) WHERE room=?1"};
  Statement get_people{db, "SELECT user,name,display_name,role FROM people"};
  Statement get_devices{db, "SELECT device,user,sign,curve,enrolled_seq,revoked_seq FROM devices"};
  Statement put_person{db, "INSERT OR REPLACE INTO people VALUES(?,?,?,?)"};
  Statement put_device{db, "INSERT OR REPLACE INTO devices VALUES(?,?,?,?,?,?)"};
  // What was verified and is shown is not replaced by what is not.
  Statement put_message{
      db,
      "INSERT INTO messages VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
      "seq=excluded.seq, device=excluded.device, submission=excluded.submission, idx=excluded.idx, "
      "sender=excluded.sender, kind=excluded.kind, sent_at=excluded.sent_at, "
      "logged_at=excluded.logged_at, text=excluded.text, shown=excluded.shown, "
      "target=excluded.target, reply_to=excluded.reply_to, mentions=excluded.mentions "
      "WHERE excluded.shown >= messages.shown"};
  Statement cached_head{db,
                        "SELECT room_seq FROM messages WHERE generation=? AND room=? "
                        "ORDER BY room_seq DESC LIMIT 1"};
  Statement cached_before{
      db,
      "SELECT room_seq,seq,device,submission,idx,sender,kind,sent_at,logged_at,text,shown,target,"
      "reply_to,mentions FROM messages WHERE generation=? AND room=? AND room_seq<? "
      "ORDER BY room_seq DESC LIMIT ?"};
  Statement cached{
      db,
      "SELECT room_seq,seq,device,submission,idx,sender,kind,sent_at,logged_at,text,shown,target,"
      "reply_to,mentions FROM messages INDEXED BY messages_by_id "
      "WHERE submission=? AND idx=? AND device=? AND generation=? AND room=?"};
  Statement newest_edit{
      db,
      "SELECT room_seq,seq,device,submission,idx,sender,kind,sent_at,logged_at,text,shown,target,"
      "reply_to,mentions FROM messages INDEXED BY changes_by_target "
      "WHERE target=? AND kind=2 AND generation=? AND room=? AND shown=1 AND sender=? "
      "ORDER BY room_seq DESC LIMIT 1"};
  Statement first_delete{
      db,
      "SELECT room_seq,seq,device,submission,idx,sender,kind,sent_at,logged_at,text,shown,target,"
      "reply_to,mentions FROM messages INDEXED BY changes_by_target "
      "WHERE target=? AND kind=3 AND generation=? AND room=? AND shown=1 "
      "ORDER BY room_seq LIMIT 1"};
  Statement reactions{
      db,
      "SELECT room_seq,seq,device,submission,idx,sender,kind,sent_at,logged_at,text,shown,target,"
      "reply_to,mentions FROM messages INDEXED BY changes_by_target "
      "WHERE target=? AND kind=4 AND generation=? AND room=? AND shown=1 "
      "ORDER BY room_seq LIMIT ?"};
  Statement is_deleted{db,
                       "SELECT 1 FROM messages INDEXED BY changes_by_target "
                       "WHERE target=? AND generation=? AND room=? AND kind=3 AND shown=1 LIMIT 1"};
  Statement wipe_original{db,
                          "UPDATE messages INDEXED BY messages_by_id SET text='', mentions=x'' "
                          "WHERE submission=? AND idx=? AND device=? AND generation=? AND room=?"};
  Statement wipe_edits{db,
                       "UPDATE messages INDEXED BY changes_by_target SET text='', mentions=x'' "
                       "WHERE target=? AND generation=? AND room=? AND kind=2"};
  Statement kinds_after{db,
                        "SELECT room_seq,target IS NOT NULL FROM messages "
                        "WHERE generation=? AND room=? AND room_seq>? ORDER BY room_seq"};
  Statement put_outbox{db, "INSERT INTO outbox VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"};
  Statement unsent{
      db,
      "SELECT submission,idx,local_id,room,kind,created_ms,salt,body,failed,failure,target "
      "FROM outbox WHERE process=? AND failed=0 AND submission>? ORDER BY submission,idx LIMIT ?"};
  Statement outbox_of{
      db,
      "SELECT submission,idx,local_id,room,kind,created_ms,salt,body,failed,failure,target "
      "FROM outbox WHERE room=? ORDER BY submission,idx"};
  Statement outbox_row{
      db,
      "SELECT submission,idx,local_id,room,kind,created_ms,salt,body,failed,failure,target "
      "FROM outbox WHERE local_id=?"};
  Statement perhaps_logged{db, "SELECT DISTINCT submission FROM outbox WHERE failed=2"};
  Statement remove_submission{db, "DELETE FROM outbox WHERE submission=?"};
  Statement remove_row{db, "DELETE FROM outbox WHERE local_id=?"};
  Statement set_index{db, "UPDATE outbox SET idx=? WHERE local_id=?"};
  Statement set_failed{db, "UPDATE outbox SET failed=?, failure=? WHERE submission=?"};
  Statement unsent_counts{db, "SELECT room,count(*) FROM outbox GROUP BY room"};
  Statement outbox_processes{db, "SELECT DISTINCT process FROM outbox WHERE failed=0"};
  Statement adopt{db, "UPDATE outbox SET process=? WHERE process=? AND failed=0"};
};

}  // namespace tertulia::client
