(function(){
"use strict";
var doc=document,box=doc.querySelector("input[name=scope]"),store;
try{store=window.sessionStorage;store.getItem("x")}catch(e){store=null}
function keep(key,value){if(store)try{store.setItem(location.pathname+key,value)}catch(e){}}
function kept(key){return store?store.getItem(location.pathname+key):null}
function each(list,f){Array.prototype.forEach.call(list,f)}
var count=doc.getElementById("count"),none=doc.getElementById("none");
function filter(){
  var words=box.value.toLowerCase().split(/\s+/).filter(Boolean),shown=0;
  each(doc.querySelectorAll(".proxy"),function(proxy){
    var name=proxy.getAttribute("data-n").toLowerCase(),any=false,rows=proxy.querySelectorAll("tbody tr");
    each(rows,function(row){
      var text=name+" "+row.getAttribute("data-n").toLowerCase();
      var fits=words.every(function(word){return text.indexOf(word)>=0});
      row.hidden=!fits;if(fits){any=true;shown++}
    });
    proxy.hidden=!any&&words.length>0&&!(rows.length===0&&words.every(function(w){return name.indexOf(w)>=0}));
  });
  if(count)count.textContent=words.length?shown+" shown":"";
  if(none)none.hidden=shown>0||!words.length;
  keep("filter",box.value);
}
if(box){
  box.placeholder="Filter by name, state or address";
  var form=box.form;form.addEventListener("submit",function(e){e.preventDefault()});
  var go=form.querySelector("button");if(go)go.hidden=true;
  box.addEventListener("input",filter);
  if(!box.value&&kept("filter"))box.value=kept("filter");
  doc.addEventListener("keydown",function(e){
    if(e.key==="/"&&!/^(INPUT|SELECT|TEXTAREA)$/.test(doc.activeElement.tagName)){e.preventDefault();box.focus()}
  });
}
function value(row,at){
  var cell=row.cells[at];if(!cell)return"";
  var v=cell.getAttribute("data-v");
  return v===null?cell.textContent.trim().toLowerCase():v===""?-1:parseFloat(v);
}
function sort(table,at,down){
  var body=table.tBodies[0],rows=Array.prototype.slice.call(body.rows);
  rows.map(function(row,i){return[value(row,at),i,row]}).sort(function(a,b){
    var d=a[0]<b[0]?-1:a[0]>b[0]?1:0;return(down?-d:d)||a[1]-b[1];
  }).forEach(function(entry){body.appendChild(entry[2])});
  each(table.tHead.rows[0].cells,function(cell,i){
    if(i===at)cell.setAttribute("aria-sort",down?"descending":"ascending");else cell.removeAttribute("aria-sort");
  });
}
each(doc.querySelectorAll("table"),function(table){
  if(!table.tHead||table.tBodies[0].rows.length<2)return;
  each(table.tHead.rows[0].cells,function(cell,at){
    if(cell.classList.contains("pick"))return;
    var button=doc.createElement("button");button.type="button";
    button.innerHTML=cell.innerHTML;cell.innerHTML="";cell.appendChild(button);
    button.addEventListener("click",function(){
      var down=cell.getAttribute("aria-sort")?cell.getAttribute("aria-sort")==="ascending":!cell.classList.contains("l");
      sort(table,at,down);keep("sort "+table.id,at+" "+(down?1:0));
    });
  });
  var last=kept("sort "+table.id);
  if(last){last=last.split(" ");sort(table,+last[0],last[1]==="1")}
});
each(doc.querySelectorAll("th.pick input"),function(all){
  all.hidden=false;
  all.addEventListener("change",function(){
    each(all.closest("table").querySelectorAll("tbody tr:not([hidden]) td.pick input"),function(one){one.checked=all.checked});
  });
});
if(box&&box.value)filter();
})();
