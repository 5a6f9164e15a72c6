function el(tag,props={},...children){let node=document.createElement(tag);for(let[name,value]of Object.entries(props))setProp(node,
name,value);return node.append(...children.filter(child=>child!=null)),node}function setProp(node,name,value){value==null||value===
!1||(typeof value=="function"?node.addEventListener(name.slice(2),value):name==="text"?node.textContent=String(value):node.setAttribute(
name,value===!0?"":String(value)))}function setText(node,text){node&&node.textContent!==text&&(node.textContent=text)}function setAttr(node,name,value){
value==null?node.removeAttribute(name):node.getAttribute(name)!==String(value)&&node.setAttribute(name,String(value))}function targetOf(event){
return event.target}function activeElement(node){return node.getRootNode().activeElement}function activeIn(node){let active=activeElement(
node);return node.contains(active)?active:null}function uniqueId(){return`cl${Math.random().toString(36).slice(2)}`}var SHORT_ESCAPES={
"\n":"\\n","\r":"\\r","	":"\\t"};function plain(text){return String(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u00a0]/gu,char=>SHORT_ESCAPES[char]??
escapeCode(char))}function escapeCode(char){let code=char.codePointAt(0).toString(16);return code.length<3?`\\x${code.padStart(2,"\
0")}`:`\\u${code.padStart(4,"0")}`}function plainLines(text){return String(text??"").split(`
`).map(plain).join(`
`)}var SVG="http://www.w3.org/2000/svg",ARCS="M4.8 4.8a4.5 4.5 0 0 0 0 6.4M11.2 4.8a4.5 4.5 0 0 1 0 6.4M2.9 2.9a7.2 7.2 0 0 0 0 10.2M\
13.1 2.9a7.2 7.2 0 0 1 0 10.2",RING="M8 2.5a5.5 5.5 0 1 0 .01 0",PATHS={backend:"M2 3h12v4H2zM2 9h12v4H2zM4.5 5h1M4.5 11h1",volume:"\
M3 4c0-1 2.2-2 5-2s5 1 5 2-2.2 2-5 2-5-1-5-2v8c0 1 2.2 2 5 2s5-1 5-2V4",snapshot:"M2 5h2.5l1.5-2h4l1.5 2H14v8H2zM8 6.5a2.3 2.3 0 1\
 0 .01 0",connection:"M6 10l4-4M7 4.7l1.3-1.2a2.8 2.8 0 0 1 4.2 4.2L11.3 9M9 11.3l-1.3 1.2a2.8 2.8 0 0 1-4.2-4.2L4.7 7",ok:"M3 8.5\
l3.2 3.2L13 5",use:`${RING}M8 6.5a1.5 1.5 0 1 0 .01 0`,idle:RING,busy:"M8 2.5a5.5 5.5 0 1 1-5.5 5.5",fault:"M8 2l6.5 11.5h-13zM8 6\
.5v3.2M8 11.5v.2",unknown:`${RING}M6.4 6.6a1.7 1.7 0 1 1 2.3 1.6c-.5.2-.7.5-.7 1M8 11v.2`,open:"M4 6l4 4 4-4",closed:"M6 4l4 4-4 4",
search:"M7 2.5a4.5 4.5 0 1 0 .01 0M10.3 10.3L14 14",add:"M8 3v10M3 8h10",more:"M3 8h.6M7.7 8h.6M12.4 8h.6",copy:"M5.5 5.5h8v8h-8zM\
3 10.5h-.5v-8h8V3",close:"M4 4l8 8M12 4l-8 8",put:"M9 3h5v10H9M2 8h7.5M6.5 5L9.5 8 6.5 11",columns:"M2 3h12v10H2zM6 3v10M10 3v10",
up:"M8 13V4M4.5 7L8 3.5 11.5 7",down:"M8 3v9M4.5 9L8 12.5 11.5 9",live:`${ARCS}M8 7.5a.5.5 0 1 0 .01 0`,lost:`${ARCS}M2.5 13.5l11-\
11`};function icon(name){let svg=document.createElementNS(SVG,"svg"),path=document.createElementNS(SVG,"path");return path.setAttribute(
"d",PATHS[name]),svg.setAttribute("viewBox","0 0 16 16"),svg.setAttribute("aria-hidden","true"),svg.setAttribute("class",`cl-icon \
cl-i-${name}`),svg.append(path),svg}var WARNING_DISPLAY=8e3,NOTE_DISPLAY=3e4;function createAnnouncer(){let node=el("div",{class:"cl-said",role:"status"});function say(text){
node.textContent=node.textContent===text?`${text} `:text}return{el:node,say}}function createBanner(say){let text=el("span",{class:"\
cl-text"}),sign=el("span",{},icon("fault")),node=el("div",{class:"cl-banner",hidden:!0},sign,text),lasting="",hiding;function show(problem,isNote=!1){
clearTimeout(hiding),sign.replaceChildren(icon(isNote?"ok":"fault")),node.classList.toggle("cl-noted",isNote),text.textContent=plain(
problem),node.hidden=!problem,problem&&say(problem)}function warn(problem){show(problem),hiding=setTimeout(()=>show(lasting),WARNING_DISPLAY)}
function note(news){show(news,!0),hiding=setTimeout(()=>show(lasting),NOTE_DISPLAY)}function setLasting(problem){lasting=problem??
"",show(lasting)}return{el:node,warn,note,setLasting}}async function copyText(app,text){let isCopied=await writeClipboard(text)||copyByEvent(text);return app.say(isCopied?"Copied":"The\
 browser does not allow copying."),isCopied}async function writeClipboard(text){try{return navigator.clipboard?(await navigator.clipboard.
writeText(text),!0):!1}catch{return!1}}function copyByEvent(text){let give=event=>{event.clipboardData?.setData("text/plain",text),
event.preventDefault(),event.stopImmediatePropagation()};window.addEventListener("copy",give,!0);let isCopied=document.execCommand(
"copy");return window.removeEventListener("copy",give,!0),isCopied}var COPIED_DISPLAY=1500;function makeButton(label,onClick,{sign,...props}={}){let text=el("span",{text:plain(label)});return el("b\
utton",{type:"button",class:"cl-btn",onclick:onClick,...props},sign&&icon(sign),text)}function iconButton(label,sign,onClick,props){
let named={"aria-label":plain(label),title:plain(label)};return el("button",{type:"button",class:"cl-btn cl-bare",...named,onclick:onClick,
...props},icon(sign))}function copyButton(app,label,getText,props){let button=iconButton(label,"copy",copy,props);async function copy(){
await copyText(app,getText())&&button.replaceChildren(icon("ok")),setTimeout(()=>button.replaceChildren(icon("copy")),COPIED_DISPLAY)}
return button}var MAX_UNFOLDED=10,SHORT_FORM=2,LINES_SHOWN=3;function createField({name,label,type,value,required,help,default:implied,group,choices},onEdit){
let id=uniqueId(),isFlag=type==="flag",input=createControl(type,choices,{id,"aria-describedby":`${id}-help ${id}-wrong`,oninput:onInput,
onchange:check,...isFlag?{}:{class:"cl-input","aria-required":required&&"true",placeholder:implied&&plain(implied)}}),message=el("\
span",{class:"cl-bad",id:`${id}-wrong`}),caption=el("label",{for:id,text:plain(label)});input instanceof HTMLInputElement&&isFlag?
input.checked=!!value:input.value=String(value??"");let initial=read();function onInput(){input.ariaInvalid&&check(),onEdit()}function problem(){
let typed=input.value.trim();return isFlag||!typed&&!required?"":typed?type==="number"&&!/^\d+$/.test(typed)?"This must be a whole\
 number":"":"This is needed"}function check(){let text=problem();return complain(text),text}function complain(text){setText(message,
plain(text)),setAttr(input,"aria-invalid",text?"true":null),text&&input.closest("details")?.setAttribute("open","")}function read(){
if(input instanceof HTMLInputElement&&isFlag)return input.checked;if(type==="secret")return input.value||null;let typed=input.value.
trim();return typed&&type==="number"?Number(typed):typed||null}function setReadOnly(isReadOnly){input instanceof HTMLSelectElement?
input.disabled=isReadOnly:input.readOnly=isReadOnly}let hint=el("small",{class:"cl-quiet",id:`${id}-help`,text:plain(help)});return{
name,group,isSecret:type==="secret",input,problem,check,complain,value:read,setReadOnly,isChanged:()=>read()!==initial,el:el("div",
{class:"cl-field"},...isFlag?[input,caption]:[caption,input],help?hint:null,message)}}function createControl(type,choices,props){if(type===
"choice")return el("select",props,...choices.map(([value,text])=>el("option",{value,text:plain(text)})));let typed={spellcheck:"fa\
lse",autocomplete:"off",...props};return type==="lines"?el("textarea",{rows:LINES_SHOWN,...typed}):type==="flag"?el("input",{type:"\
checkbox",...props}):type==="secret"?el("input",{...typed,type:"password",autocomplete:"new-password"}):el("input",{...typed,...type===
"number"?{inputmode:"numeric"}:{}})}function arrange(fields){let first=fields.filter(field=>!field.group),groups=[...new Set(fields.
map(field=>field.group))].filter(Boolean).map(label=>{let members=fields.filter(field=>field.group===label),summary=el("summary",{
text:`${plain(label)} (${members.length})`}),isOpen=first.length<=SHORT_FORM&&members.length<=MAX_UNFOLDED;return el("details",{class:"\
cl-group",open:isOpen},summary,...members.map(field=>field.el))});return[...first.map(field=>field.el),...groups]}var NAMES_SHOWN=12,LINKS_SHOWN=5,SHORT_ID=8,TYPING_PAUSE=150;function describe(app,ids){return ids.length>1?app.request("offers",{
ids}):app.request("details",{row:ids[0]})}function namesOf(app,ids,most){let names=ids.slice(0,most).map(id=>plain(app.findRow(id)?.
name||id));return ids.length>most?[...names,`… and ${ids.length-most} more`]:names}function createLineBox(app){let code=el("code"),
line="",copy=copyButton(app,"Copy as magic",()=>line);function show(text){text!==void 0&&(line=text,setText(code,plainLines(text)))}
return{el:el("div",{class:"cl-line"},code,copy),show}}function createActionForm(app,action,ids,{returnFocus,onEnd,onClose}){let isSeveral=ids.
length>1,title=action.title??`${plain(action.label)}: ${isSeveral?`${ids.length} selected`:namesOf(app,ids,1)[0]}`,fields=action.asks.
map(field=>createField(field,onEdit)),line=createLineBox(app),hint=el("p",{class:"cl-quiet"}),alert=el("div",{class:"cl-bad cl-not\
e",role:"alert"}),questionId=uniqueId(),cancel=makeButton("Cancel",close,{"aria-describedby":action.danger&&questionId}),go=makeButton(
action.label,null,{type:"submit",class:`cl-btn ${action.danger?"cl-bad":"cl-prime"}`}),tryOut=action.trial?makeButton("Test",()=>run2(
tryOut,{[action.trial??""]:!0}),{}):null,tried=el("div",{class:"cl-note",role:"status"}),parts=[el("h4",{text:title}),action.danger?
createQuestion(action.danger):null,...arrange(fields),line.el,hint,alert,el("div",{class:"cl-foot"},tried,el("div",{class:"cl-flow"},
cancel,tryOut,go))],form=el("form",{novalidate:!0,onsubmit:submit},...parts),box=el("div",{class:"cl-task",onkeydown:onKey},form),
task={el:box,state:"ask",start},previews=0,typing;function createQuestion(danger){let removed=isSeveral?namesOf(app,ids,NAMES_SHOWN).
join(", "):plain(danger);return el("p",{class:"cl-note",id:questionId},icon("fault"),el("span",{text:`This will be lost: ${removed}`}))}
function start(){if(line.show(action.line),(isSeveral||action.given)&&preview(),!fields.length&&!action.danger)return submit();let first=action.
danger?cancel:fields[0].input;first.focus(),first instanceof HTMLInputElement&&first.select()}let params=(sent,more={})=>{let values=(action.
changes?sent.filter(field=>field.isChanged()):sent).map(field=>[field.name,field.value()??(action.changes?"":null)]);return{act:action.
name,ids,values:{...action.given,...Object.fromEntries(values),...more}}};function onEdit(){clearTimeout(typing),typing=setTimeout(
preview,TYPING_PAUSE)}async function preview(){if(fields.some(field=>field.problem()))return;let number=++previews,isCurrent=()=>number===
previews&&task.state!=="busy";try{let reply=await app.request("line",params(fields.filter(field=>!field.isSecret)));if(!isCurrent())
return;setText(hint,""),line.show(reply.line)}catch(error){isCurrent()&&setText(hint,plain(error.message))}}function submit(event){
return event?.preventDefault(),run2(go)}async function run2(button,more){let invalid=fields.filter(field=>field.check());if(invalid.
length&&invalid[0].input.focus(),invalid.length||task.state==="busy")return;let end=showRunning(button);try{let reply=await app.request(
"act",params(fields,more));end(more?"ask":"done"),more?showTrial(reply):showResult(reply)}catch(error){end("failed"),showFailure(error)}
onEnd()}function showRunning(button){let startedAt=Date.now(),label=button.lastChild?.textContent??"",tick=()=>setText(button.lastChild,
`Running, ${Math.round((Date.now()-startedAt)/1e3)} s`),ticking=setInterval(tick,1e3),setState=state=>{let isBusy=state==="busy";task.
state=state,setAttr(button,"aria-disabled",isBusy||null);for(let other of[cancel,tryOut,go])other&&other!==button&&(other.hidden=isBusy);
for(let field of fields)field.setReadOnly(isBusy);isBusy||(clearInterval(ticking),setText(button.lastChild,label))};return activeIn(
box)?.matches("button")&&button.focus(),setState("busy"),tick(),setText(hint,""),alert.replaceChildren(),tried.replaceChildren(),app.
say(`${title}: started`),setState}function showFailure(error){tryOut||setText(go.lastChild,"Try again"),setText(cancel.lastChild,"\
Close");let wrong=fields.find(field=>field.name===error.field);if(error.line&&line.show(error.line),wrong)return wrong.complain(error.
message),wrong.input.focus();alert.append(icon("fault"),el("span",{text:plainLines(error.message)})),alert.scrollIntoView({block:"\
center"})}function showTrial({text}){tried.append(icon("ok"),el("span",{text:plain(text)})),preview()}function showResult(reply){let focused=activeIn(
box),text=plain(reply.text),note=el("div",{class:"cl-note cl-result"},icon("ok"),el("span",{text}),iconButton("Dismiss","close",close)),
links=(reply.ids??[]).slice(0,LINKS_SHOWN).map(id=>makeButton(`Show ${app.findRow(id)?.name||id.slice(0,SHORT_ID)}`,()=>app.reveal(
id))),output=reply.output?[el("pre",{class:"cl-out",tabindex:0,text:plainLines(reply.output)})]:[];box.replaceChildren(note,...output,
line.el,...links),line.show(reply.line),app.say(text),focused&&returnFocus()}function onKey(event){if(event.key==="Enter"&&targetOf(
event).matches("input"))return submit(event);event.key==="Escape"&&(event.stopPropagation(),task.state!=="busy"&&close())}function close(){
let focused=activeIn(box);clearTimeout(typing),box.remove(),onClose?.(),focused&&returnFocus()}return task}var TYPING_PAUSE2=200;function createAddition(app,{returnFocus,onEnd}){let id=uniqueId(),typed={class:"cl-input",spellcheck:"false",
autocomplete:"off",oninput:onInput},input=el("input",{id,...typed,role:"combobox","aria-expanded":"false","aria-autocomplete":"lis\
t","aria-controls":`${id}-list`,placeholder:"Type a part of a name: local, sim, rbd, lvm…",onkeydown:onListKey,"aria-describedby":`${id}\
-note`}),list=el("div",{class:"cl-options",role:"listbox",id:`${id}-list`,"aria-label":"Drivers",hidden:!0}),note=el("small",{class:"\
cl-quiet",id:`${id}-note`,role:"status"}),python=el("input",{...typed,id:`${id}-python`,placeholder:"/path/to/venv/bin/python"}),pythonLabel=el(
"label",{for:`${id}-python`,text:"The Python that has Cinder"}),summary=el("summary",{text:"Cinder's drivers of another Python"}),
other=el("details",{class:"cl-group"},summary,el("div",{class:"cl-field"},pythonLabel,python)),cancel=el("div",{class:"cl-flow"},makeButton(
"Cancel",close)),driver=el("div",{class:"cl-field"},el("label",{for:id,text:"Driver"}),input,list,note),picker=el("div",{class:"cl\
-task",onkeydown:onKey},el("h4",{text:"Add a backend"}),driver,other,cancel),slot=el("div"),box=el("div",{class:"cl-picker"},picker,
slot),form=null,searches=0,active=-1,typing;function start(){input.focus(),search()}function onInput(){clearTimeout(typing),typing=
setTimeout(search,TYPING_PAUSE2)}async function search(){let number=++searches;setText(note,"Searching…");try{let reply=await app.
request("drivers",{text:input.value,python:python.value.trim()});if(number!==searches)return;list.replaceChildren(...reply.drivers.
map(createOption)),setText(note,plain(reply.note))}catch(error){if(number!==searches)return;list.replaceChildren(),setText(note,plain(
error.message))}showList(list.hasChildNodes()),activate(-1)}function createOption({name,help}){let props={role:"option",id:uniqueId(),
"data-name":name,title:plain(name),onclick:()=>choose(name)};return el("div",props,el("b",{text:lastPart(name)}),help?el("small",{
class:"cl-quiet",text:plain(help)}):null)}function showList(isShown){list.hidden=!isShown,setAttr(input,"aria-expanded",isShown)}let options=()=>[
...list.children];function activate(index){active=index;for(let[at,option2]of options().entries())setAttr(option2,"aria-selected",
at===index);let option=options()[index];setAttr(input,"aria-activedescendant",option?.id),option?.scrollIntoView({block:"nearest"})}
function onListKey(event){let count=options().length;if(event.key==="ArrowDown"&&list.hidden)showList(count>0);else if(event.key===
"ArrowDown")activate((active+1)%count);else if(event.key==="ArrowUp")activate((active-1+count)%count);else if(event.key==="Enter")
choose(options()[count===1?0:active]?.dataset.name??input.value.trim());else return;event.preventDefault(),event.stopPropagation()}
async function choose(name){if(!name)return;clearTimeout(typing);let number=++searches;input.value=name,showList(!1),setText(note,
"Reading the driver's options…");try{let{act}=await app.request("addition",{driver:name,python:python.value.trim()});if(number!==
searches)return;setText(note,""),ask({...act,title:`Backend with driver ${lastPart(name)}`})}catch(error){number===searches&&setText(
note,plain(error.message))}}function ask(action){form=createActionForm(app,action,[],{returnFocus,onEnd:onEnded,onClose:()=>box.remove()}),
cancel.hidden=!0,slot.replaceChildren(form.el),form.start()}function onEnded(){form?.state==="done"&&picker.remove(),onEnd()}function onKey(event){
event.key==="Enter"&&targetOf(event)===python&&search(),event.key==="Escape"&&(event.stopPropagation(),list.hidden||form?close():showList(
!1))}function close(){if(form?.state==="busy")return;let focused=activeIn(box);clearTimeout(typing),box.remove(),focused&&returnFocus()}
return{el:box,stays:!0,start,get state(){return form?.state??"ask"}}}function lastPart(name){return plain(name.slice(name.lastIndexOf(
".")+1))}var ROW_FIELDS=["kind","id","name","status","size","where","created","level","position","siblings","children","open","busy","more"],
COLUMN_NAMES=["status","size","capacity","where","age","driver","pool","owner","description","metadata","id","created"],SORT_NAMES=[
"age","name","status","size","where"];var STATUS_MEANINGS={backend:{},volume:{available:"whole","in-use":"whole",creating:"busy",deleting:"busy",error_deleting:"fault",
extending:"busy",error_extending:"fault",reverting:"busy",managing:"busy",unmanaging:"busy",retyping:"busy",error:"fault"},snapshot:{
available:"whole",creating:"busy",deleting:"busy",error_deleting:"fault",managing:"busy",unmanaging:"busy",error:"fault"},connection:{
attached:"whole",attaching:"busy",error_attaching:"fault",detaching:"busy",error_detaching:"fault"}};var numbers=new Intl.NumberFormat("en",{maximumFractionDigits:1}),UNITS=["GiB","TiB","PiB","EiB"],SPANS=[[31557600,"y"],[86400,"d"],
[3600,"h"],[60,"min"]];function formatCount(number){return numbers.format(number)}function formatSize(gib){if(gib==null)return"";let size=gib,
unit=0;for(;size>=10240&&unit<UNITS.length-1;unit++)size/=1024;return`${numbers.format(size)} ${UNITS[unit]}`}function formatAge(epoch){
return epoch==null?"":formatSpan(Date.now()/1e3-epoch)}function formatSpan(seconds){let[length,unit]=SPANS.find(([least])=>seconds>=
least)??[1,"s"];return`${Math.max(0,Math.floor(seconds/length))} ${unit}`}function formatTime(epoch){return epoch==null?"":new Date(
epoch*1e3).toLocaleString()}function statusIcon(kind,status){let meaning=STATUS_MEANINGS[kind][status];return meaning==="fault"||!meaning&&
status.startsWith("error")?"fault":meaning==="busy"||!meaning&&status.endsWith("ing")?"busy":["in-use","attached"].includes(status)?
"use":["available","open"].includes(status)?"ok":["closed","detached"].includes(status)?"idle":"unknown"}var COPIED_NAMES=/^(id|name)$|path/i,COPIED_LENGTH=24,OUTCOME_ICONS={running:"busy",done:"ok"};function statusMark(status,sign){return el(
"span",{class:sign==="fault"?"cl-mark cl-bad":"cl-mark"},icon(sign),el("span",{text:plain(status)}))}function createDetails(app,details){
let variables=details.held?.length?[["held by",details.held.join(", ")]]:[],rows=[...details.fields,...variables].map(([name,value])=>fieldRow(
app,plain(name),String(value??""))),snapshots=details.snapshots?.map(item=>linkItem(app,"snapshot",item)),connections=details.connections?.
map(item=>linkItem(app,"connection",item));return[el("table",{class:"cl-fields","aria-label":"Fields"},el("tbody",{},...rows)),...section(
"Snapshots",snapshots,details.more_snapshots),...section("Connections",connections,details.more_connections),...section("History o\
f operations",details.history?.map(operationItem))]}function fieldRow(app,name,value){let copy=value&&(COPIED_NAMES.test(name)||value.
length>COPIED_LENGTH)?copyButton(app,`Copy ${name}`,()=>value,{"data-key":`copy ${name}`}):null;return el("tr",{},el("th",{scope:"\
row",text:name}),el("td",{text:plain(value)||"–"}),el("td",{},copy))}function section(title,items,more=0){if(!items?.length)return[];
let rest=more?el("li",{class:"cl-quiet",text:`… and ${more} more`}):null;return[el("h4",{text:title}),el("ul",{class:"cl-list"},
...items,rest)]}function linkItem(app,kind,{id,name,status}){let props={type:"button",class:"cl-btn cl-bare cl-go","data-key":id,onclick:()=>app.
reveal(id)},text=el("span",{class:"cl-grow",text:plain(name||id)});return el("li",{},el("button",props,icon(kind),text,statusMark(
status,statusIcon(kind,status))))}function operationItem({at,action,status,duration,error,who}){let took=duration==null?"":` · ${duration.
toFixed(1)} s`;return el("li",{},el("div",{class:"cl-flow"},el("b",{text:plain(action)}),statusMark(status,OUTCOME_ICONS[status]??
"fault")),el("div",{class:"cl-quiet",text:`${formatTime(at)}${took} · ${plain(who)}`}),error?el("div",{class:"cl-bad cl-pre",text:plainLines(
error)}):null)}var FOCUS_DELAY=120,REFRESH_INTERVAL=1e3,SKELETON_DELAY=300,SKELETON_LINES=6,NAMES_SHOWN2=50,GONE=/gone|any more/;function createDetailsPane(app){
let title=el("h3",{tabindex:-1}),actionBar=el("div",{class:"cl-flow",role:"group","aria-label":"Actions"}),slot=el("div"),body=el(
"div"),scroller=el("div",{class:"cl-pane-scroll"},actionBar,slot,body),close=iconButton("Close details","close",()=>leave(()=>app.
showPane(!1))),head=el("div",{class:"cl-pane-head"},title,close),pane=el("section",{class:"cl-pane","aria-label":"Details",onkeydown:onKey},
head,scroller),row=null,ids=[],tasks=[],turn=0,loadedAt=0,isVisible=!1,shown="",shownTitle="",loading;function onResize(){let isNow=pane.
getClientRects().length>0;isNow!==isVisible&&(isVisible=isNow,app.emit("pane",isVisible),isVisible&&scheduleLoad(0))}function show(next){
if(app.isFocusMoved&&tasks.some(task=>task.state==="ask"&&!task.stays))return refresh();let selected=app.selectedIds;row=next;let nextIds=selected.
length>1&&(!row||selected.includes(row.id))?selected:row?[row.id]:[],isSame=nextIds.length===ids.length&&nextIds.every((id,index)=>id===
ids[index]);ids=nextIds,showTitle(),isSame||showOthers()}function showTitle(){let single=ids.length>1?null:row,text=ids.length>1?`${ids.
length} selected`:plain(row?.name||row?.id||"Details"),key=[text,row?.kind,row?.status,!single].join();if(shownTitle===key)return;
shownTitle=key;let name=el("b",{text});single?title.replaceChildren(icon(single.kind),name,markOf(single)):title.replaceChildren(name)}
function markOf({kind,status}){return statusMark(status,statusIcon(kind,status))}function showOthers(){let current=++turn;if(shown=
"",keepTasks(task=>task.state!=="ask"||!!task.stays),(activeIn(body)||activeIn(actionBar))&&title.focus(),!ids.length)return fill(
[],[el("p",{class:"cl-quiet",text:"Go to a row to see its details."})]);setStale(!0),setTimeout(()=>{current===turn&&!shown&&body.
replaceChildren(createSkeleton())},SKELETON_DELAY),scheduleLoad(FOCUS_DELAY)}function createSkeleton(){let lines=Array.from({length:SKELETON_LINES},
()=>el("i"));return el("div",{class:"cl-bones",role:"img","aria-label":"Loading"},...lines)}function setStale(isStale){setAttr(pane,
"aria-busy",isStale||null),actionBar.inert=isStale,body.inert=isStale}function refresh(){loading||scheduleLoad(Math.max(0,loadedAt+
REFRESH_INTERVAL-Date.now()))}function scheduleLoad(delay){clearTimeout(loading),loading=setTimeout(load,delay)}async function load(){
if(loading=void 0,!isVisible||!ids.length)return;let current=turn;loadedAt=Date.now();let reply=await describe(app,ids).catch(({message})=>({
problem:message}));current===turn&&showReply(reply)}function showReply(reply){let key=JSON.stringify({...reply,re:void 0}),problem="\
problem"in reply?reply.problem:"",isGone=GONE.test(problem);if(!(key===shown||problem&&shown&&!isGone))if(shown=key,isGone&&title.
querySelector(".cl-mark")?.remove(),"problem"in reply){let text=isGone&&row?`${row.kind} ${plain(row.name||row.id)} is gone`:plain(
problem);fill([],[el("p",{text})])}else fill(reply.acts,"fields"in reply?createDetails(app,reply):[createNames()])}function createNames(){
let names=namesOf(app,ids,NAMES_SHOWN2).map(text=>el("li",{text}));return el("ul",{class:"cl-list","aria-label":"Selected"},...names)}
function fill(actions,nodes){let focused=activeIn(actionBar)??activeIn(body),{scrollTop}=scroller,dangerous=actions.filter(action=>action.
danger).map(createActionButton),harmless=actions.filter(action=>!action.danger).map(createActionButton);actionBar.replaceChildren(
...harmless,el("span",{class:"cl-gap cl-flow"},...dangerous)),body.replaceChildren(...nodes),scroller.scrollTop=scrollTop,setStale(
!1),focused&&focusKey(focused.dataset.key)}function createActionButton(action){let{name,label,danger,why}=action;return makeButton(
label,()=>why?complain(why):openForm(action,ids),{"data-key":`act ${name}`,class:danger?"cl-btn cl-bad":"cl-btn",...why?{"aria-dis\
abled":"true",title:plain(why),"aria-description":plain(why)}:{}})}function focusKey(key){let keyed=[...scroller.querySelectorAll(
"[data-key]")],node=key?keyed.find(other=>other.dataset.key===key):null;node?node.focus({preventScroll:!0}):app.focusGrid()}function keepTasks(predicate){
for(let task of tasks)predicate(task)||task.el.remove();tasks=tasks.filter(predicate)}function addTask(task){keepTasks(({state,stays})=>state===
"busy"||state!=="done"&&!!stays&&!task.stays),tasks.push(task),slot.prepend(task.el),task.el.scrollIntoView({block:"nearest"})}function openForm(action,actionIds){
let isFromBar=activeIn(actionBar),form=createActionForm(app,action,actionIds,{returnFocus:()=>focusKey(isFromBar&&`act ${action.name}`),
onEnd:()=>scheduleLoad(0)});addTask(form),form.start()}async function startAction(name,actionIds){try{let{acts}=await describe(app,
actionIds),action=acts.find(other=>other.name===name);if(!action||action.why)throw new Error(action?.why??`'${name}' is not availa\
ble here.`);openForm(action,actionIds)}catch(error){complain(error.message)}}function startAddition(){let before=activeElement(app.
el),form=createAddition(app,{returnFocus:()=>before?.isConnected?before.focus():app.focusGrid(),onEnd:refresh});addTask(form),form.
start()}function complain(text){let dismiss=iconButton("Dismiss","close",()=>leave(()=>box.remove())),note=[icon("fault"),el("span",
{text:plain(text)}),dismiss],box=el("div",{class:"cl-task cl-note cl-bad",role:"alert"},...note);addTask({el:box})}function leave(run2){
run2(),app.focusGrid()}function onKey(event){event.key==="Escape"&&leave(()=>event.stopPropagation())}function follow(){let current=row&&
app.findRow(row.id);current&&show(current),refresh()}return app.on("focus",show),app.on("selected",()=>show(row)),app.on("rows",follow),
new ResizeObserver(onResize).observe(pane),show(app.focusedRow),{el:pane,show,startAction,startAddition}}var REPEATABLE=new Set(["hello","rows","seek","details","shown","offers","line"]),SLOW=new Set(["act","begin","drivers","addition"]),
CLOSING_EVENTS=["comm_live_update","comm:close"],KernelError=class extends Error{constructor(message,line,field){super(message),this.
line=line,this.field=field}};function createRemote(model,{onPush,onStateChange}){let pending=new Map,number=Math.floor(Math.random()*
2**32)*2**20,lastReceived=0,isClosed=!1,startedAt=Date.now(),remote={live:{state:"live",since:startedAt/1e3},request,end};function request(name,params){
return new Promise((resolve,reject)=>{let id=++number,message={...params,id,do:name},sentAt=Date.now();name!=="bye"&&pending.set(id,
{resolve,reject,name,message,sentAt,repeatAt:sentAt+2e3}),ready.then(()=>send(message))})}function repeatLate(now){for(let entry of pending.
values())now<entry.repeatAt||entry.name==="ping"||(entry.repeatAt=now+2*(now-entry.sentAt),send(REPEATABLE.has(entry.name)?entry.message:
{id:++number,do:"ping"}))}function send(message){try{model.send(message)}catch{onClosed()}}function receive(message){lastReceived=
Date.now(),isClosed=!1;let matched=pending.get(message?.re);pending.delete(message?.re),check(),matched&&message?settle(matched,message):
message?.push&&onPush(message)}function onClosed(){isClosed=!0,check(),setTimeout(()=>request("ping").catch(()=>{}),1e3)}function check(){
let now=Date.now(),isLost=isClosed||now-(lastReceived||startedAt)>15e3;for(let[id,entry]of pending)isLost&&now-entry.sentAt>1e3&&(pending.
delete(id),entry.reject(new KernelError("The kernel does not answer.")));let late=[...pending.values()].filter(entry=>!SLOW.has(entry.
name)&&now-entry.sentAt>1e3),savedAt=(model.get("_state")?.at??0)*1e3;isLost?setState(lastReceived?"lost":"static",lastReceived||savedAt||
startedAt):late.length?setState("busy",late[0].sentAt):setState("live",now),isLost||repeatLate(now)}function setState(state,at){let before=remote.
live.state;state!==before&&(remote.live={state,since:at/1e3},onStateChange(before))}function end(){clearInterval(checking),clearInterval(
pinging),request("bye"),model.off("msg:custom",receive);for(let name of CLOSING_EVENTS)model.off(name,onClosed);pending.clear()}async function open(){
try{let shared=await model.widget_manager?.get_model(model.get("_key"));shared&&(!shared.comm||shared.comm_live===!1)?onClosed():await Promise.
race([shared?.comm?.jsServicesComm?.subshellStarted,pause(500)])}catch{await pause(500)}}let ready=open(),checking=setInterval(check,
500),pinging=setInterval(()=>request("ping").catch(()=>{}),2e4);model.on("msg:custom",receive);for(let name of CLOSING_EVENTS)model.
on(name,onClosed);return remote}function pause(milliseconds){return new Promise(resolve=>setTimeout(resolve,milliseconds))}function settle(matched,message){
message.problem==null?matched.resolve(message):matched.reject(new KernelError(message.problem,message.line,message.field))}var BLOCK_ROWS=50,AHEAD_ROWS=30,CACHED_ROWS=6e3,RETRY_DELAY=2e3,MISSING_DELAY=300;function createCache(request,view){let rows=new Map,
byId=new Map,cache={rev:0,total:0,at:index=>rows.get(index),find:id=>byId.get(id),between,setVisible,invalidate,seed,restart,change,
jump,peek,recheck},newestRev=0,visible=[0,0],isLoading=!1,changes=0,isFromTop=!1,isDoubtful=!1,isStale=()=>isDoubtful||newestRev>cache.
rev;function between(first,last){return[...rows.values()].filter(row=>row.index>=first&&row.index<=last)}function setVisible(first,last){
visible=[first,last],loadNext()}function invalidate(rev){newestRev=Math.max(newestRev,rev),loadNext()}function recheck(){isDoubtful=
!0,loadNext()}function restart(on){isFromTop=on}async function loadNext(){let window2=isLoading||changes?null:missing();if(!window2)
return;isLoading=!0;let marks=isStale()?{anchor:null,focus:null,...view.marks(isFromTop)}:null;try{take(await request("rows",{...window2,
...marks}),marks),!isStale()&&missing()?.start===window2.start&&await pause(MISSING_DELAY),isLoading=!1}catch{await pause(RETRY_DELAY),
isLoading=!1}loadNext()}function missing(){if(isStale())return isFromTop?blocks(0,visible[1]-visible[0]):blocks(visible[0],visible[1]);
let first=Math.max(0,visible[0]-AHEAD_ROWS),last=Math.min(cache.total-1,visible[1]+AHEAD_ROWS);for(;first<=last&&rows.has(first);)
first++;for(;last>=first&&rows.has(last);)last--;return first<=last?blocks(first,last,0):null}function blocks(first,last,ahead=AHEAD_ROWS){
let start=Math.max(0,Math.floor((first-ahead)/BLOCK_ROWS)*BLOCK_ROWS),end=Math.ceil((last+ahead+1)/BLOCK_ROWS)*BLOCK_ROWS;return{start,
count:Math.min(500,end-start)}}function take(reply,marks){if(newestRev=Math.max(newestRev,reply.rev),reply.rev<cache.rev)return;let isReplaced=reply.
rev>cache.rev;if(isReplaced&&!marks&&between(visible[0],visible[1]).length)return;marks&&(isDoubtful=!1);let{anchor,focus}=marks??
{},shift=anchor&&reply.anchor!=null?reply.anchor-anchor.index:0;put(reply,isReplaced);let focused=focus?{focus:reply.focus,focusId:focus.
id}:{};view.onChange({shift,...focused,isFromTop:isFromTop&&isReplaced,isReplaced}),isReplaced&&(isFromTop=!1)}function put({rev,total,
start,rows:received},isReplaced){isReplaced&&(rows.clear(),byId.clear()),Object.assign(cache,{rev,total}),received.forEach((values,offset)=>{
let row=readRow(values,start+offset);rows.set(row.index,row),byId.set(row.id,row)}),rows.size>CACHED_ROWS&&evict()}function evict(){
let middle=(visible[0]+visible[1])/2;for(let[index,row]of rows)Math.abs(index-middle)<CACHED_ROWS/2||(rows.delete(index),byId.delete(
row.id))}async function change(name,params){changes++;try{let window2=blocks(visible[0],visible[1]);replace(await request(name,{...params,
...window2}))}finally{changes--,loadNext()}}async function peek(index){let{rows:received,start}=await request("rows",{start:index,
count:1,anchor:null,focus:null});return received.length?readRow(received[0],start):null}async function jump(index){replace(await request(
"rows",{...blocks(index,index),anchor:null,focus:null}))}function replace(reply){if(reply.rev<cache.rev)return;newestRev=Math.max(
newestRev,reply.rev);let isReplaced=reply.rev>cache.rev;put(reply,isReplaced),view.onChange({shift:0,isReplaced}),loadNext()}function seed(state){
put({rev:0,total:0,rows:[],...state,start:0},!0),newestRev=cache.rev}return cache}function readRow(values,index){return Object.fromEntries(
[["index",index],...ROW_FIELDS.map((field,at)=>[field,values[at]])])}var TITLES={name:"Name",status:"Status",size:"Size",capacity:"Capacity",where:"Where",age:"Age",driver:"Driver",pool:"Pool",owner:"\
Owner",description:"Description",metadata:"Metadata",id:"Id",created:"Created"},HINTS={size:"Size of a volume or snapshot",capacity:"\
Room that is free on a backend; the bar is what is used and what is provisioned",where:"Host of a volume, path of a connection, dr\
iver of a backend",owner:"Who created or adopted it"},WIDTHS={status:136,size:84,capacity:112,where:112,age:64,driver:160,pool:110,
owner:120,description:180,metadata:160,id:290,created:184},MIN_WIDTH=48,MIN_NAME_WIDTH=150,NUDGE=16;function createColumns({model},treegrid,onChange){
let names=[],cells=[],widths={},head=el("div",{class:"cl-tr cl-thead",role:"row","aria-rowindex":1}),columns={head,get names(){return names},
get cells(){return cells},sort,nudge,stop};function show(){delete widths.name,names=["name",...(model.get("columns")??[]).filter(name=>WIDTHS[name])],
cells=names.map(createHeading),head.replaceChildren(...cells),setAttr(treegrid,"aria-colcount",names.length),applyWidths(),showOrder(),
onChange(names)}function createHeading(name){let grip=el("span",{class:"cl-grip",onpointerdown:event=>drag(event,grip,name),ondblclick:()=>setWidth(
name),onclick:event=>event.stopPropagation()}),text=el("span",{class:"cl-text",text:TITLES[name]}),props={class:`cl-td cl-th cl-c-${name}`,
role:"columnheader",tabindex:-1,onclick:()=>sort(name)};return el("div",{...props,title:HINTS[name]},text,el("span",{class:"cl-ord\
er"}),grip)}let order=()=>(model.get("sort")||"").split(":");function showOrder(){let[by,way]=order();cells.forEach((cell,at)=>{let isOrder=names[at]===
by;SORT_NAMES.includes(names[at])&&setAttr(cell,"aria-sort",isOrder?way?"descending":"ascending":"none"),cell.children[1].replaceChildren(
...isOrder?[icon(way?"down":"up")]:[])})}function sort(name){if(!SORT_NAMES.includes(name))return;let[by,way]=order();model.set("s\
ort",by!==name?name:way?"":`${name}:desc`),model.save_changes()}function applyWidths(){let widthOf=name2=>widths[name2]??WIDTHS[name2],
others=names.slice(1).map(widthOf),name=widths.name?`${widths.name}px`:`minmax(${MIN_NAME_WIDTH}px, 1fr)`,least=others.reduce((sum,width)=>sum+
width,widths.name??MIN_NAME_WIDTH);treegrid.style.setProperty("--cl-columns",[name,...others.map(width=>`${width}px`)].join(" ")),
treegrid.style.minWidth=`${least}px`}function setWidth(name,pixels){pixels==null?delete widths[name]:(widths.name??=cells[0].offsetWidth,
widths[name]=Math.max(MIN_WIDTH,Math.round(pixels))),applyWidths()}function nudge(at,way){setWidth(names[at],cells[at].offsetWidth+
way*NUDGE)}function drag(event,grip,name){let heading=grip.parentNode,start=event.clientX-heading.offsetWidth,move=moved=>setWidth(
name,moved.clientX-start);event.preventDefault(),grip.setPointerCapture(event.pointerId),grip.addEventListener("pointermove",move),
grip.addEventListener("lostpointercapture",()=>grip.removeEventListener("pointermove",move),{once:!0})}function stop(){model.off("\
change:columns",show),model.off("change:sort",showOrder)}return model.on("change:columns",show),model.on("change:sort",showOrder),
show(),columns}function findLab(){return globalThis[Symbol.for("cl_notebook.lab")]}var fillers={name:fillName,status:fillStatus,size:(cell,row)=>setText(cell,formatSize(row.size)),capacity:fillCapacity,where:(cell,row)=>fillText(
cell,row.where),id:(cell,row)=>fillText(cell,row.id),age:fillAge,created:(cell,row)=>setText(cell,formatTime(row.created)),driver:fillMore(
"driver"),pool:fillMore("pool"),owner:fillMore("owner"),description:fillMore("description"),metadata:fillMore("metadata")},PUT="Pu\
t the line that shows it into the notebook (Ctrl+Enter)";function createCell(column){let cell=el("div",{class:`cl-td cl-c-${column}`,
role:"gridcell"}),span=name=>el("span",{class:name});if(column==="name"){cell.append(el("span",{class:"cl-twist"},icon("closed")),
span("cl-kind"),span("cl-text"),span("cl-count"));let props={type:"button",class:"cl-btn cl-bare cl-put",tabindex:-1,title:PUT,"ar\
ia-label":PUT};findLab()&&cell.append(el("button",props,icon("put")))}return column==="status"&&cell.append(span("cl-sign"),span("\
cl-text")),cell}function fillCell(cell,column,row,app){row?fillers[column](cell,row,app):clearCell(cell,column)}function clearCell(cell,column){
cell.removeAttribute("title"),cell.removeAttribute("aria-label"),column==="name"?setName(cell,{level:1,name:"",kind:null,count:""}):
column==="status"?setStatus(cell,null,""):setText(cell,"")}function fillText(cell,value){let text=plain(value??"");setText(cell,text),
setAttr(cell,"title",text||null)}function fillMore(name){return(cell,row)=>fillText(cell,row.more?.[name]??"")}function fillAge(cell,row){
setText(cell,formatAge(row.created)),setAttr(cell,"title",formatTime(row.created)||null)}function setIcon(holder,name){holder.dataset.
icon!==(name??"")&&(holder.dataset.icon=name??"",holder.replaceChildren(...name?[icon(name)]:[]))}function childrenOf(cell){return[
...cell.children]}function fillName(cell,row,app){setName(cell,{level:row.level,name:plain(row.name),kind:row.kind,count:childCount(
row,app.head)})}function setName(cell,{level,name,kind,count}){let[,sign,text,below]=childrenOf(cell);cell.style.setProperty("--cl\
-level",String(level)),setIcon(sign,kind),setAttr(sign,"title",kind),setText(text,name),setAttr(cell,"title",name||null),setText(below,
count)}function childCount({kind,id,children},head){let all=head?.shown==null?0:head.backends[id]?.volumes??0;return kind==="backe\
nd"&&all>children?`${formatCount(children)} of ${formatCount(all)}`:children||kind==="backend"?formatCount(children):""}function setStatus(cell,name,text,title){
let[sign,label,progress]=childrenOf(cell);setIcon(sign,name),setText(label,text),setAttr(cell,"title",title),progress?.remove()}function fillStatus(cell,row){
let{busy}=row;busy?.gone?setStatus(cell,"fault","kernel is gone",`${busy.doing}, begun ${formatTime(busy.since)}: the kernel that \
did it is gone`):busy?fillProgress(cell,row,busy):setStatus(cell,row.status?statusIcon(row.kind,row.status):null,plain(row.status??
""))}function fillProgress(cell,row,{doing,since,done}){let text=plain(row.status?.endsWith("ing")?row.status:doing),percent=done==
null?null:Math.round(done*100),progress=percent==null?formatSpan(Date.now()/1e3-(since??0)):`${percent} %`;if(setStatus(cell,"busy",
`${text} ${progress}`,`${plain(doing)}, begun ${formatTime(since)}`),percent==null)return;let bar=el("span",{class:"cl-done",role:"\
progressbar","aria-label":plain(doing),"aria-valuenow":percent});bar.style.width=`${percent}%`,cell.append(bar)}function formatAmount(value){
return typeof value=="number"?formatSize(value):value??"unknown"}function fillCapacity(cell,row,app){if(row.kind==="backend")return showCapacity(
cell,app.head?.capacity?.[row.id],app.head?.backends?.[row.id]);clearCell(cell,"capacity")}function showCapacity(cell,capacity,sums){
let{total,free,provisioned=sums?.provisioned}=capacity??{},room=capacity?`total ${formatAmount(total)}, provisioned ${formatAmount(
provisioned)}, free ${formatAmount(free)}`:`capacity not known, provisioned ${formatAmount(provisioned)}`;if(setAttr(cell,"title",
room),typeof total!="number"||total<=0)return cell.removeAttribute("aria-label"),setText(cell,capacity?total==="infinite"?"infinit\
e":"unknown":"");let text=typeof free=="number"?`${formatSize(free)} free`:`${formatAmount(provisioned)} of ${formatSize(total)}`;
setAttr(cell,"aria-label",`${text}: ${room}`),cell.replaceChildren(el("span",{class:"cl-text",text}),capacityBar(total,free,provisioned))}
function capacityBar(total,free,provisioned){let share=value=>`${Math.max(0,Math.min(100,value/total*100))}%`,isOver=typeof provisioned==
"number"&&provisioned>total,used=el("span",{class:"cl-used"}),promised=el("span",{class:isOver?"cl-promised cl-over":"cl-promised"});
return used.style.width=typeof free=="number"?share(total-free):"0",promised.style.width=typeof provisioned=="number"?share(provisioned):
"0",el("span",{class:"cl-bar","aria-hidden":"true"},promised,used)}var MAX_OFFSET=1e5;function createRowPool(app,layer,height){let shown=new Map,byElement=new WeakMap,spare=[],names=[],revision=0,base=0;
function clear(columns){names=columns,layer.replaceChildren(),shown.clear(),spare=[]}function refresh(){revision++}function adopt(rowAt){
for(let[key,view]of[...shown]){let row=typeof key=="number"?rowAt(key):void 0;row&&!shown.has(row.id)&&(shown.delete(key),shown.set(
row.id,view))}}function scrollTo(top){base=Math.floor(top/MAX_OFFSET)*MAX_OFFSET,layer.style.transform=`translateY(${base-top}px)`}
function show(entries,mark){let keys=new Set(entries.map(([key])=>key));for(let[key,view]of shown)keys.has(key)||release(key,view);
let next=layer.firstChild;for(let[key,index,row]of entries){let view=shown.get(key)??spare.pop()??create();shown.set(key,view),view.
el===next?next=next.nextSibling:layer.insertBefore(view.el,next),position2(view,index),fill(view,row),mark(view)}}function release(key,view){
shown.delete(key),view.el.remove(),spare.push(view)}function create(){let cells=names.map(createCell),view={el:el("div",{class:"cl\
-tr",role:"row",tabindex:-1},...cells),cells,index:-1,base:-1};return byElement.set(view.el,view),view}function position2(view,index){
view.index===index&&view.base===base||(Object.assign(view,{index,base}),view.el.style.transform=`translateY(${index*height-base}px\
)`,setAttr(view.el,"aria-rowindex",index+2))}function fill(view,row){if(view.row===row&&view.revision===revision)return;Object.assign(
view,{row,revision});let{el:node}=view;setAttr(node,"aria-level",row?.level??1),setAttr(node,"aria-posinset",row?.position),setAttr(
node,"aria-setsize",row?.siblings),setAttr(node,"aria-expanded",row?.children?!!row.open:null),setAttr(node,"aria-busy",row?null:!0),
setAttr(node,"data-id",row?.id),node.classList.toggle("cl-blank",!row),view.cells.forEach((cell,at)=>{fillCell(cell,names[at],row,
app)})}function showProgress(){let at=names.indexOf("status");for(let{row,cells}of shown.values())row?.busy&&at>0&&fillCell(cells[at],
"status",row,app)}function viewOf(node){let row=node.closest(".cl-tr");return row?byElement.get(row):void 0}return{show,scrollTo,clear,
adopt,refresh,showProgress,viewOf,find:key=>shown.get(key),contains:node=>layer.contains(node)}}function createScroll(scroller,spacer,onMove){let scroll={top:0,length:0,setLength,moveTo,settle:settle2},lastPixels=0,settling,ratio=()=>(8e6-
2*4e5)/(scroll.length-2*4e5),clamp=top=>Math.max(0,Math.min(scroll.length,top));function toPixels(top){return scroll.length<=8e6||
top<=4e5?top:top>=scroll.length-4e5?8e6-(scroll.length-top):4e5+(top-4e5)*ratio()}function toTop(pixels){return scroll.length<=8e6||
pixels<=4e5?pixels:pixels>=76e5?scroll.length-(8e6-pixels):4e5+(pixels-4e5)/ratio()}function setLength(length){length!==scroll.length&&
(spacer.style.height=`${Math.min(length,8e6)}px`),scroll.length=length,scroll.top=clamp(scroll.top),settle2()}function moveTo(top){
scroll.top=clamp(top),settle2(),onMove()}function settle2(isForced=!1){let pixels=toPixels(scroll.top);!isForced&&Math.abs(pixels-
lastPixels)<1||(scroller.scrollTop=pixels,lastPixels=scroller.scrollTop)}function onScroll(){let pixels=scroller.scrollTop,step=pixels-
lastPixels;if(lastPixels=pixels,!step)return;let isAtEnd=pixels<=0||pixels>=7999999,isByBar=scroll.length<=8e6||isAtEnd||Math.abs(
step)>3e3;scroll.top=clamp(isByBar?toTop(pixels):scroll.top+step),clearTimeout(settling),scroll.length>8e6&&(settling=setTimeout(settle2,
150)),onMove()}return scroller.addEventListener("scroll",onScroll,{passive:!0}),scroll}function createSelection(app,cache,onChange){let{model}=app,ids=new Set(model.get("selected")),unanswered=0,selection={pivot:null,
last:void 0,has:id=>ids.has(id),list:()=>[...ids],clear:()=>set([]),set,toggle,range,stop};function show(next){ids=new Set(next),onChange(),
app.emit("selected",selection.list())}function follow(){unanswered||show(model.get("selected")??[])}async function send(name,params){
unanswered++;try{await app.request(name,params),unanswered--}catch(error){if(unanswered--,!["live","busy"].includes(app.live.state))
return;app.warn(error.message),follow()}}function set(list,row){selection.pivot=row??selection.pivot,selection.last=row?.id,show(list),
send("select",{ids:list,how:"set"})}function toggle(row){selection.pivot=row,selection.last=row.id;let next=new Set(ids);next.delete(
row.id)||next.add(row.id),show(next),send("select",{ids:[row.id],how:"toggle"})}function pivotIndex(){let{pivot}=selection;return(pivot&&
cache.find(pivot.id)?.index)??pivot?.index}function range(to,from=pivotIndex()??to,how="set"){let[first,last]=[Math.min(from,to),Math.
max(from,to)],loaded=cache.between(first,last).map(row=>row.id);return selection.last=cache.at(to)?.id,show(how==="add"?[...ids,...loaded]:
loaded),send("range",{first,last,how})}function stop(){model.off("change:selected",follow)}return model.on("change:selected",follow),
selection}var ROW_HEIGHT=28,OVERSCAN=8,MIN_ROWS=5,EDGE=8,HEADER=-1,TICK=1e3,REFRESH_TICKS=30;function createGrid(app){let cursor={index:0,id:null,
row:null,cell:-1,isUsed:!1,isMoved:!1},spacer=el("div",{class:"cl-spacer"}),layer=el("div",{class:"cl-layer"}),empty=el("div",{class:"\
cl-none",hidden:!0}),treegrid=el("div",{class:"cl-grid",role:"treegrid","aria-multiselectable":"true"}),steps=el("div",{class:"cl-\
steps",hidden:!0}),scroller=el("div",{class:"cl-scroll"},treegrid,spacer,steps),cache=createCache(app.request,{marks,onChange}),selection=createSelection(
app,cache,requestRender),pool=createRowPool(app,layer,ROW_HEIGHT),scroll=createScroll(scroller,spacer,requestRender),height=MIN_ROWS*
ROW_HEIGHT,fittedHeight="",frame=0,ticks=0,isFocusing=!1,columns=createColumns(app,treegrid,names=>{pool.clear(names),requestRender()}),
active=()=>activeElement(treegrid),keyOf=index=>cache.at(index)?.id??index,cursorKey=()=>cursor.id??cursor.index,keyOfView=view=>view.
row?.id??view.index;function requestRender(){frame||=requestAnimationFrame(render2)}function render2(){cancelAnimationFrame(frame),
frame=0;let{top}=scroll,first=Math.floor(top/ROW_HEIGHT),last=Math.min(cache.total,Math.ceil((top+height)/ROW_HEIGHT))-1,isFocused=pool.
contains(active());pool.scrollTo(top),pool.show(entries(Math.max(0,first-OVERSCAN),Math.min(cache.total-1,last+OVERSCAN)),mark),markHeader(),
isFocused&&!pool.contains(active())&&focus(),cache.setVisible(first,Math.max(first,last))}function entries(first,last){let visible=[];
for(let index=first;index<=last;index++)visible.push([keyOf(index),index,cache.at(index)]);let key=cursorKey();if(cursor.index===HEADER||
!cache.total||visible.some(([other])=>other===key))return visible;let pinned=[key,cursor.index,cursor.row??void 0];return cursor.index<
first?[pinned,...visible]:[...visible,pinned]}function mark(view){let hasCursor=cursor.index!==HEADER&&keyOfView(view)===cursorKey(),
isSelected=view.row?selection.has(view.row.id):!1,focusedCell=hasCursor?cursor.cell:null;view.isSelected===isSelected&&view.focusedCell===
focusedCell||(Object.assign(view,{isSelected,focusedCell}),setAttr(view.el,"aria-selected",isSelected),view.el.tabIndex=focusedCell===
-1?0:-1,view.el.classList.toggle("cl-here",hasCursor&&cursor.isUsed),view.cells.forEach((node,at)=>{setAttr(node,"tabindex",at===focusedCell?
0:null)}))}function markHeader(){let focusable2=cursor.index===HEADER||!cache.total?Math.max(0,cursor.cell):HEADER;columns.cells.forEach(
(cell,at)=>{cell.tabIndex=at===focusable2?0:-1})}function marks(isFromTop){let[first,last]=[scroll.top/ROW_HEIGHT,(scroll.top+height)/
ROW_HEIGHT-1],read=cursor.id&&cursor.index>=first&&cursor.index<=last?cursor.row:cache.between(Math.ceil(first),last)[0];return{anchor:scroll.
top>0&&!isFromTop&&read?{id:read.id,index:read.index}:null,focus:cursor.id?{id:cursor.id,index:cursor.index}:null}}function onChange({
shift,focus:index,focusId,isFromTop,isReplaced}){isFromTop&&(scroll.top=0),shift&&(scroll.top+=shift*ROW_HEIGHT);let isCurrent=focusId===
cursor.id;isCurrent&&index!=null?cursor.index=index:isCurrent&&index===null&&loseRow(shift),updateCursor(isReplaced),pool.adopt(cache.
at),fit(),measure(),render2(),app.emit("rows",void 0)}function loseRow(shift){let index=Math.max(0,Math.min(cache.total-1,cursor.index+
shift));Object.assign(cursor,{index,id:null,row:null,isMoved:!0})}function updateCursor(isReplaced){if(cursor.index===HEADER)return;
let row=cursor.id?cache.find(cursor.id):cache.at(cursor.index);if(!row&&cursor.id&&(isReplaced||cache.at(cursor.index))&&cache.recheck(),
!row||row===cursor.row)return;let isOther=row.id!==cursor.id;Object.assign(cursor,{index:row.index,id:row.id,row}),isOther&&cursor.
isUsed?app.emit("focus",row):isOther||app.emit("row",row)}function fill(state){cache.seed(state),onChange({shift:0,isReplaced:!1})}
function fit(){let isFiltered=app.model.get("filter")||app.model.get("only_faults");empty.hidden=cache.total>0,empty.textContent=isFiltered?
"Nothing matches.":"Nothing is tracked here yet.",showSteps(cache.total===0&&!isFiltered);let rows=(Math.max(MIN_ROWS,Math.min(15,
cache.total))+1)*ROW_HEIGHT+2,fitting=steps.hidden?rows:Math.max(rows,steps.offsetTop+steps.scrollHeight+EDGE);scroller.style.height===
fittedHeight&&fitting>(Number.parseFloat(fittedHeight)||0)&&(scroller.style.height=`${fitting}px`,fittedHeight=scroller.style.height),
setAttr(treegrid,"aria-rowcount",cache.total+1)}function showSteps(isShown){let ways=app.model.get("_first_steps")??[];steps.hidden=
!(isShown&&ways.length),isShown&&ways.length&&!steps.inert&&(empty.textContent="No backends yet. Three ways to begin:"),!(steps.hidden||
steps.hasChildNodes())&&(app.startAddition&&steps.append(makeButton("Add a backend",app.startAddition,{class:"cl-btn cl-prime"})),
ways.forEach(([purpose,line],number)=>{let isReady=number<ways.length-1,title=isReady?`Run ${plain(line)}`:app.startAddition?"Choo\
se a driver":`Copy ${plain(line)}`,button=el("button",{type:"button",class:"cl-btn",title,onclick:()=>begin(number,isReady)});button.
append(el("span",{text:`${plain(purpose)}:`}),el("code",{text:plain(line)})),steps.append(button)}))}async function begin(number,isReady){
let[,line]=app.model.get("_first_steps")[number];if(!isReady)return app.startAddition?app.startAddition():void copyText(app,line);
steps.inert=!0,empty.textContent=`Running ${plain(line)} …`,app.say(empty.textContent);try{let{text}=await app.request("begin",{
number});await cache.jump(0),app.note(text),cache.total&&goTo(0)}catch(error){app.warn(error.message)}steps.inert=!1,fit()}function measure(){
height=(scroller.clientHeight||Number.parseFloat(fittedHeight))-ROW_HEIGHT,scroll.setLength(Math.max(0,cache.total*ROW_HEIGHT-height))}
function onResize(){scroller.clientHeight&&(measure(),scroll.settle(!0),requestRender())}function pageRows(){return Math.max(1,Math.
floor(height/ROW_HEIGHT)-1)}function goTo(index,cell=cursor.cell,{takeFocus=!0,follow=!0}={}){let isHeading=index<0,at=isHeading?HEADER:
Math.min(index,cache.total-1),row=isHeading?null:cache.at(at)??null,moved={index:at,id:row?.id??null,row,cell:isHeading?Math.max(0,
cell):cell};Object.assign(cursor,{...moved,isUsed:!0,isMoved:!1}),follow&&scrollIntoView(at),render2(),takeFocus&&focus(),row&&app.
emit("focus",row)}function scrollIntoView(index){if(index===HEADER)return;let top=index*ROW_HEIGHT;top<scroll.top?scroll.moveTo(top):
top+ROW_HEIGHT>scroll.top+height&&scroll.moveTo(top+ROW_HEIGHT-height)}function focus(){let view=cursorView(),node=cursor.index===
HEADER||!view?columns.cells[Math.max(0,cursor.cell)]:view.cells[cursor.cell]??view.el;if(isFocusing=!0,node.focus({preventScroll:!0}),
isFocusing=!1,cursor.cell<0)return;let[left,right]=[node.offsetLeft,node.offsetLeft+node.offsetWidth];left<scroller.scrollLeft?scroller.
scrollLeft=left:right>scroller.scrollLeft+scroller.clientWidth&&(scroller.scrollLeft=right-scroller.clientWidth)}function focusCursor(){
scrollIntoView(cursor.index),focus()}function hasFocus(){return treegrid.contains(active())}function cursorView(){return pool.find(
cursorKey())}function onFocusIn(event){if(isFocusing)return;let target=targetOf(event),view=pool.viewOf(target),isByKey=target.matches(
":focus-visible"),heading=columns.cells.indexOf(target);heading>=0&&(cursor.index!==HEADER||cursor.cell!==heading)?goTo(HEADER,heading):
view&&keyOfView(view)!==cursorKey()?goTo(view.index,view.cells.indexOf(target),{follow:isByKey}):view&&isByKey&&scrollIntoView(cursor.
index)}async function setOpen(row,isOpen){!row?.children||row.open===isOpen||await attempt(cache.change("open",{row:row.id,on:isOpen}))}
async function setAllOpen(isOpen){await attempt(cache.change("all",{on:isOpen}))}async function attempt(work){try{await work}catch(error){
app.warn(error.message)}}async function parentOf(row){let step=row;for(;step&&step.level>=row.level;){let index=step.index-step.position;
if(index<0)return null;if(step=cache.at(index)??await cache.peek(index),step&&step.level<row.level)return step.index}return null}function tick(){
++ticks%REFRESH_TICKS===0?refresh():pool.showProgress()}function refresh(){pool.refresh(),requestRender()}function stop(){clearInterval(
ticking),cancelAnimationFrame(frame),resizing.disconnect(),columns.stop(),selection.stop()}treegrid.append(columns.head,el("div",{
class:"cl-tbody",role:"rowgroup"},layer),empty),treegrid.addEventListener("focusin",onFocusIn),app.on("head",refresh);let ticking=setInterval(
tick,TICK),resizing=new ResizeObserver(onResize);return resizing.observe(scroller),{el:scroller,treegrid,cache,selection,columns,cursor,
cursorView,fill,goTo,focusCursor,hasFocus,pageRows,setOpen,setAllOpen,parentOf,viewOf:pool.viewOf,stop}}var EDGE2=4,TYPING_PAUSE3=700,STEPS={ArrowDown:at=>at+1,ArrowUp:at=>at-1,Home:()=>0,End:()=>-1},openMenus=new WeakMap,itemOf=new WeakMap;
function openMenu(app,{anchor,x=0,y=0},items,label){let before=openMenus.get(app.el);if(before?.close(!0),before&&before.anchor===
anchor)return;let focused=activeElement(app.el),nodes=items.map(createItem),menu=el("div",{class:"cl-menu",role:"menu","aria-label":plain(
label),popover:"manual"},...nodes),isOpen=!0,close=(refocus=!1)=>{isOpen&&(isOpen=!1,openMenus.delete(app.el),setExpanded(anchor,!1),
refocus&&focused?.isConnected?focused.focus({preventScroll:!0}):refocus&&app.focusGrid(),menu.remove())};menu.addEventListener("fo\
cusout",({relatedTarget})=>{let next=relatedTarget;!menu.contains(next)&&!(anchor?.ariaHasPopup&&next===anchor)&&close()}),listen(
menu,nodes.filter(node=>itemOf.has(node)),close),openMenus.set(app.el,{menu,anchor,close}),setExpanded(anchor,!0),app.el.append(menu),
menu.showPopover?.(),position(menu,anchor?.getBoundingClientRect()??{left:x,top:y,bottom:y}),focusable(menu)?.focus()}function focusable(menu){
return menu.querySelector("[tabindex]")}function setExpanded(anchor,isOpen){anchor?.ariaHasPopup&&setAttr(anchor,"aria-expanded",isOpen)}
function createItem(item){if(item==="-")return el("div",{role:"separator"});let{label,checked,disabled,danger,why}=item,role=checked==
null?{role:"menuitem"}:{role:"menuitemcheckbox","aria-checked":String(checked)},node=el("div",{...role,tabindex:-1,class:danger&&"\
cl-bad","aria-disabled":disabled&&"true"},checked==null?null:icon("ok"),el("span",{text:plain(label)}),why?el("small",{class:"cl-w\
hy",text:plain(why)}):null);return itemOf.set(node,item),node}function position(menu,{left,top,bottom}){let{width,height}=menu.getBoundingClientRect(),
isBelow=bottom+height+EDGE2<=innerHeight;menu.style.left=`${Math.max(EDGE2,Math.min(left,innerWidth-width-EDGE2))}px`,menu.style.top=
`${isBelow?bottom:Math.max(EDGE2,Math.min(top,innerHeight-EDGE2)-height)}px`}function listen(menu,nodes,close){let typed="",typedAt=0,
itemAt=event=>targetOf(event).closest("[tabindex]");menu.onclick=event=>run(itemAt(event),close,!0),menu.onpointermove=event=>itemAt(
event)?.focus(),menu.oncontextmenu=event=>event.preventDefault();function seek(char,at){typed=Date.now()-typedAt<TYPING_PAUSE3?typed+
char:char,typedAt=Date.now();let from=typed.length>1?at:at+1;[...nodes.slice(from),...nodes.slice(0,from)].find(node=>itemOf.get(node)?.
label.toLowerCase().startsWith(typed))?.focus()}menu.onkeydown=event=>{let{key}=event,target=targetOf(event),at=nodes.indexOf(target);
if(event.stopPropagation(),key==="Tab")return close(!0);event.ctrlKey||event.altKey||event.metaKey||(event.preventDefault(),STEPS[key]?
nodes.at(STEPS[key](at)%nodes.length)?.focus():key==="Escape"?close(!0):key==="Enter"||key===" "?run(target,close,key==="Enter"):key.
length===1&&seek(key.toLowerCase(),at))}}function run(node,close,isLast){let item=node&&itemOf.get(node);!item||item.disabled||((isLast||
item.checked==null)&&close(!0),item.checked!=null&&(item.checked=!item.checked,setAttr(node,"aria-checked",item.checked)),item.run(
item.checked))}async function openRowMenu(app,row,position2){let isSeveral=app.selectedIds.length>1&&app.selectedIds.includes(row.id),ids=isSeveral?
app.selectedIds:[row.id],actions=await loadActions(app,ids);openMenu(app,position2,rowItems(app,row,ids,actions),isSeveral?`${ids.
length} selected`:row.name)}async function loadActions(app,ids){try{return(await describe(app,ids)).acts}catch(error){return app.say(
error.message),[]}}function rowItems(app,row,ids,actions){let actionItem=({name,label,asks,danger,why})=>({label:asks.length||danger?
`${label}…`:label,danger:!!danger,disabled:!!why,why,run:()=>app.startAction(name,ids)}),copyItem=(what,text)=>({label:`Copy ${what}`,
run:()=>copyText(app,text)});return[[{label:"Details",run:()=>app.showPane(!0)}],actions.filter(action=>!action.danger).map(actionItem),
[...findLab()?[{label:"Put the line that shows it into the notebook",run:()=>app.giveLine(row)}]:[],copyItem("id",row.id),copyItem(
"name",row.name),{label:"Copy the line that shows it",run:()=>app.giveLine(row,!0)}],actions.filter(action=>action.danger).map(actionItem)].
filter(group=>group.length).flatMap((group,index)=>index?["-",...group]:group)}var TYPING_PAUSE4=500,MEANINGS=[[["↑","↓"],"go to the row above, below"],[["→","←"],"open, close a branch; go from cell to\
 cell, up to the parent"],[["Home","End","Page Up","Page Down"],"go to the first or last row, by a page"],[["a … z"],"go to the \
next name that begins so"],[["*"],"open every backend"],[["Space"],"select, unselect"],[["Shift+↑","Shift+↓","Shift+Space"],"s\
elect several rows"],[["Ctrl+A","Escape"],"select all, select none"],[["Enter"],"show the details"],[["Shift+F10"],"open the menu \
of what can be done"],[["Delete"],"delete, after a question"],[["Ctrl+C"],"copy the ids"],[["Ctrl+Enter"],"put the line that shows\
 it into the notebook, or copy it"],[["Enter","Alt+←","Alt+→"],"on a heading: sort, change the width"],[["↓","Escape"],"in t\
he filter: go to the rows, clear it"],[["?"],"show these keys"]];function showKeys(app){let id=uniqueId(),rows=MEANINGS.map(([keys,
meaning])=>{let shown=keys.map(key=>el("kbd",{text:key}));return el("tr",{},el("th",{scope:"row"},...shown),el("td",{text:meaning}))}),
close=iconButton("Close","close",()=>dialog.close()),head=el("div",{class:"cl-pane-head"},el("h3",{id,text:"Keys of the tree"}),close),
table=el("table",{class:"cl-fields"},el("tbody",{},...rows)),dialog=el("dialog",{class:"cl-keys","aria-labelledby":id,onkeydown:onKey},
head,table);function onKey(event){event.stopPropagation(),(event.key==="Escape"||event.key==="?")&&dialog.close()}dialog.addEventListener(
"click",({target})=>target===dialog&&dialog.close()),dialog.addEventListener("close",()=>dialog.remove()),app.el.append(dialog),dialog.
showModal()}function createKeys(app,grid){let{cursor,cache,selection,columns}=grid,typed="",typedAt=Number.NEGATIVE_INFINITY,typedFrom=0,
lastRow=()=>cache.total-1,lastCell=()=>columns.names.length-1,clampRow=index=>Math.max(0,Math.min(lastRow(),index)),byRow=way=>()=>grid.
goTo(Math.min(lastRow(),cursor.index+way)),byPage=way=>()=>grid.goTo(clampRow(cursor.index+way*grid.pageRows())),withControl={Home:()=>grid.
goTo(0),End:()=>grid.goTo(lastRow()),a:()=>selection.range(lastRow(),0),c:copy,Enter:()=>cursor.row&&app.giveLine(cursor.row)," ":toggle,
ArrowUp:byRow(-1),ArrowDown:byRow(1)},withShift={ArrowUp:()=>extend(-1),ArrowDown:()=>extend(1)," ":()=>selection.range(cursor.index),
F10:openMenu2,"*":()=>grid.setAllOpen(!0)},alone={ArrowUp:byRow(-1),ArrowDown:byRow(1),PageUp:byPage(-1),PageDown:byPage(1),Home:()=>cursor.
cell<0?grid.goTo(0):grid.goTo(cursor.index,0),End:()=>cursor.cell<0?grid.goTo(lastRow()):grid.goTo(cursor.index,lastCell()),ArrowRight:goRight,
ArrowLeft:goLeft,Enter:()=>app.showPane(!0)," ":toggle,Escape:clearSelection,Delete:()=>cursor.row&&app.startAction("delete",targetIds()),
ContextMenu:openMenu2,"*":()=>grid.setAllOpen(!0),"?":()=>showKeys(app)},onHeading={ArrowDown:()=>cache.total&&grid.goTo(0,-1),ArrowLeft:isAlt=>moveHeading(
-1,isAlt),ArrowRight:isAlt=>moveHeading(1,isAlt),Home:()=>grid.goTo(-1,0),End:()=>grid.goTo(-1,lastCell()),Enter:sort," ":sort,"?":()=>showKeys(
app)};function targetIds(){return cursor.row?selection.has(cursor.row.id)?selection.list():[cursor.row.id]:selection.list()}function copy(){
copyText(app,targetIds().join(`
`))}function toggle(){typed&&performance.now()-typedAt<TYPING_PAUSE4?seek(" "):cursor.row&&selection.toggle(cursor.row)}function clearSelection(){
if(!selection.list().length)return!1;selection.pivot=null,selection.clear()}function extend(way){(selection.last!==cursor.id||!selection.
pivot)&&(selection.pivot=cursor.row);let to=clampRow(cursor.index+way);grid.goTo(to),selection.range(to)}function goRight(){let{row,
cell}=cursor;cell<0&&row?.children&&!row.open?grid.setOpen(row,!0):grid.goTo(cursor.index,Math.min(lastCell(),cell+1))}async function goLeft(){
let{row,cell,index}=cursor;if(cell>=0)grid.goTo(index,cell-1);else if(row?.children&&row.open)grid.setOpen(row,!1);else if(row){let parent=await grid.
parentOf(row).catch(()=>null);parent!=null&&cursor.id===row.id&&grid.goTo(parent)}}function openMenu2(){let view=grid.cursorView();
view?.row&&openRowMenu(app,view.row,{anchor:view.el})}function sort(){columns.sort(columns.names[cursor.cell])}function moveHeading(way,isAlt){
isAlt?columns.nudge(cursor.cell,way):grid.goTo(-1,Math.max(0,Math.min(lastCell(),cursor.cell+way)))}async function seek(char){let now=performance.
now();now-typedAt>TYPING_PAUSE4&&(typed="",typedFrom=Math.max(0,cursor.index)),typed+=char,typedAt=now;let text=typed,{index}=await app.
request("seek",{text,after:typedFrom}).catch(()=>({index:null}));index!=null&&text===typed&&grid.hasFocus()&&grid.goTo(index)}function actionOf(event){
let{key,altKey}=event;return cursor.index<0||!cache.total?altKey&&!/^Arrow[LR]/.test(key)?null:onHeading[key]:altKey?null:event.ctrlKey||
event.metaKey?withControl[key]:event.shiftKey&&withShift[key]?withShift[key]:alone[key]??([...key].length===1?()=>{seek(key)}:null)}
return event=>{let action=event.isComposing?null:actionOf(event);!action||action(event.altKey)===!1||(event.preventDefault(),event.
stopPropagation())}}function createPointer(app,grid){let{selection,treegrid}=grid,viewOf=event=>grid.viewOf(targetOf(event));treegrid.addEventListener(
"click",event=>{let row=viewOf(event)?.row;if(!row)return;let isAdding=event.ctrlKey||event.metaKey;grid.goTo(row.index,-1,{follow:!1}),
targetOf(event).closest(".cl-put")?app.giveLine(row):row.children&&targetOf(event).closest(".cl-twist")?grid.setOpen(row,!row.open):
event.shiftKey?selection.range(row.index,void 0,isAdding?"add":"set"):isAdding?selection.toggle(row):selection.set([row.id],row)}),
treegrid.addEventListener("dblclick",event=>{viewOf(event)?.row&&!targetOf(event).closest(".cl-twist, .cl-put")&&app.showPane(!0)}),
treegrid.addEventListener("contextmenu",event=>{let view=viewOf(event);if(!view?.row||event.shiftKey)return;let{row}=view;event.preventDefault(),
event.stopPropagation(),event.button===2&&(grid.goTo(view.index,-1,{follow:!1}),selection.has(row.id)||selection.set([row.id],row),
openRowMenu(app,row,{x:event.clientX,y:event.clientY}))}),treegrid.addEventListener("mousedown",event=>{event.shiftKey&&viewOf(event)&&
event.preventDefault()})}var TYPING_PAUSE5=200,MAX_CHIPS=6,STATUS_TERM=/(?:^|\s)status:(\S*)/;function createToolbar(app){let{model}=app,id=uniqueId(),input=el(
"input",{type:"search",class:"cl-input",spellcheck:"false",autocomplete:"off","aria-label":"Filter","aria-describedby":id,placeholder:"\
Filter: name, id, status:error, size>10, backend:lab",oninput:onInput,onkeydown:onKey}),problem=el("div",{class:"cl-bad",id}),faults=makeButton(
"Only faults",()=>set("only_faults",!model.get("only_faults")),{sign:"fault"}),popup={"aria-haspopup":"menu","aria-expanded":"fals\
e"},columns=makeButton("Columns",openColumnMenu,{sign:"columns",...popup}),add=app.startAddition?makeButton("Add backend",app.startAddition,
{sign:"add"}):null,details=makeButton("Details",()=>app.showPane(!isPaneShown),{"aria-expanded":"false"}),keys=iconButton("Keys (?\
)","unknown",()=>showKeys(app),{"aria-haspopup":"dialog"}),more=makeButton("",openStatusMenu,{...popup,class:"cl-btn cl-chip"}),chips=el(
"div",{class:"cl-flow",role:"group","aria-label":"Statuses"}),counts=el("span",{class:"cl-quiet cl-gap"}),liveMark=el("span",{class:"\
cl-mark"}),find=el("div",{class:"cl-find"},icon("search"),input),top=el("div",{class:"cl-flow"},find,faults,el("span",{class:"cl-g\
ap cl-flow"},add,columns,details,keys)),bottom=el("div",{class:"cl-flow"},chips,counts,liveMark),toolbar=el("div",{class:"cl-tools",
role:"group","aria-label":"Tools of the tree"},top,problem,bottom),order=[],isPaneShown=!1,isCountAwaited=!1,stateBefore="live",typing;
function set(name,value){model.set(name,value),model.save_changes()}function onInput(){clearTimeout(typing),typing=setTimeout(()=>applyFilter(
input.value),TYPING_PAUSE5),showPressed()}function applyFilter(text){clearTimeout(typing),typing=void 0,input.value=text,isCountAwaited=
!0,set("filter",text),showPressed()}function onKey(event){let{value}=input;if(event.key==="ArrowDown")typing&&applyFilter(value),app.
focusGrid();else if(event.key==="Escape"&&value)applyFilter("");else return;event.preventDefault(),event.stopPropagation()}function showFilter(){
typing||(input.value=model.get("filter")),showPressed()}function showProblem(){let text=plain(model.get("_problem")??"");setText(problem,
text),setAttr(input,"aria-invalid",text?"true":null),text&&app.say(text)}let filteredStatuses=()=>input.value.match(STATUS_TERM)?.[1].
split(",")??[],isFault=status=>statusIcon("volume",status)==="fault",chipNodes=()=>[...chips.children].filter(node=>node!==more&&node.
dataset.status!==void 0),statusOf=node=>node.dataset.status,statusCounts=()=>new Map(app.head?.statuses);function toggleStatus(status){
let before=filteredStatuses(),next=before.includes(status)?before.filter(other=>other!==status):[...before,status],rest=input.value.
replace(STATUS_TERM,"").trim();applyFilter([rest,next.length?`status:${next.join()}`:""].filter(Boolean).join(" "))}function showChips(){
let numbers2=statusCounts();if(numbers2.size!==order.length||!order.every(status=>numbers2.has(status))){let focused=activeIn(chips);
order=[...numbers2.keys()].sort((one,other)=>Number(isFault(other))-Number(isFault(one))),chips.replaceChildren(...order.slice(0,MAX_CHIPS).
map(createChip),...order.length>MAX_CHIPS?[more]:[]),focused&&(chipNodes().find(node=>statusOf(node)===focused.dataset.status)??input).
focus()}for(let node of chipNodes())setText(node.lastChild,formatCount(numbers2.get(statusOf(node))??0));showPressed()}function createChip(status){
let look={sign:statusIcon("volume",status),class:isFault(status)?"cl-btn cl-chip cl-bad":"cl-btn cl-chip"},node=makeButton(status,
()=>toggleStatus(status),{...look,"data-status":status});return node.append(el("b")),node}function showPressed(){let filtered=filteredStatuses(),
hidden=order.slice(MAX_CHIPS);for(let node of chipNodes())setAttr(node,"aria-pressed",filtered.includes(statusOf(node)));setText(more.
lastChild,hidden.filter(status=>filtered.includes(status)).join(", ")||`${hidden.length} more`),setAttr(faults,"aria-pressed",!!model.
get("only_faults"))}function openStatusMenu(){let numbers2=statusCounts(),item=status=>({label:`${status} ${formatCount(numbers2.get(
status)??0)}`,checked:filteredStatuses().includes(status),run:()=>toggleStatus(status)});openMenu(app,{anchor:more},order.slice(MAX_CHIPS).
map(item),"More statuses")}function showCounts(){if(!app.head)return;let{volumes,shown,backends}=app.head,isFiltered=!!(model.get(
"filter")||model.get("only_faults")),plural=(number,noun)=>`${formatCount(number)} ${noun}${number===1?"":"s"}`,all=plural(volumes,
"volume"),text=isFiltered?`${shown==null?"…":formatCount(shown)} of ${all}`:`${all} on ${plural(Object.keys(backends).length,"ba\
ckend")}`;setText(counts,text),!(!isCountAwaited||isFiltered&&shown==null)&&(isCountAwaited=!1,app.say(text))}function openColumnMenu(){
let shown=model.get("columns"),item=name=>({label:TITLES[name],checked:shown.includes(name),run:on=>showColumn(name,!!on)});openMenu(
app,{anchor:columns},COLUMN_NAMES.map(item),"Columns")}function showColumn(name,isShown){let rank=column=>COLUMN_NAMES.indexOf(column),
names=model.get("columns").filter(other=>other!==name),next=names.findIndex(other=>rank(other)>rank(name));isShown&&names.splice(next<
0?names.length:next,0,name),set("columns",names)}function showLive(){let{state,since}=app.live,time=new Date(since*1e3).toLocaleTimeString(
[],{hour:"2-digit",minute:"2-digit"}),text={live:"live",busy:"kernel busy",static:`saved state of ${formatTime(since)}`,lost:`not \
live since ${time}`}[state];liveMark.replaceChildren(icon(state==="live"||state==="busy"?state:"lost"),el("span",{text})),setAttr(
liveMark,"data-state",state),state!==stateBefore&&[state,stateBefore].includes("lost")&&app.say(text),stateBefore=state}function showHead(){
showChips(),showCounts()}for(let[name,show]of Object.entries({filter:showFilter,only_faults:showPressed,_problem:showProblem}))model.
on(`change:${name}`,show),show();return app.on("head",showHead),app.on("live",showLive),app.on("pane",isShown=>{isPaneShown=isShown,
setAttr(details,"aria-expanded",isShown)}),showHead(),showLive(),{el:toolbar}}var KEYS_ATTRIBUTE="data-lm-suppress-shortcuts",FOCUS_DELAY2=200,QUERY_TRAITS=["filter","only_faults","sort"],isSettingFocus=!1;function createApp(model){
let root=el("div",{class:"cl-live",[KEYS_ATTRIBUTE]:"true"}),announcer=createAnnouncer(),banner=createBanner(announcer.say),{on,emit}=createEvents(),
remote=createRemote(model,{onPush,onStateChange}),head=model.get("_state")?.head??null,settling,app={model,el:root,on,emit,request:remote.
request,say:announcer.say,warn:banner.warn,note:banner.note,reveal,giveLine,showPane,focusGrid:()=>grid.focusCursor(),findRow:id=>grid.
cache.find(id),startAction:(name,ids)=>{showPane(!0),pane.startAction(name,ids)},startAddition:model.get("_can_add")?startAddition:
void 0,get head(){return head},get live(){return remote.live},get focusedRow(){return grid.cursor.row},get isFocusMoved(){return grid.
cursor.isMoved},get selectedIds(){return grid.selection.list()}},grid=createGrid(app),pane=createDetailsPane(app),side=el("div",{class:"\
cl-side",hidden:!0},pane.el);function setHead(next){head=next,emit("head",next)}function onPush(message){(message.push==="changed"||
message.push==="alive")&&grid.cache.invalidate(message.rev),message.push==="head"&&setHead(message.head),message.push==="store"&&banner.
setLasting(message.problem)}async function greet(){try{let{rev,total,head:next}=await app.request("hello");setHead(next),grid.cache.
invalidate(rev),total!==grid.cache.total&&grid.cache.recheck()}catch{}}function onStateChange(before){let saved=model.get("_state");
remote.live.state==="static"&&saved?.rows&&grid.fill({...saved,total:saved.rows.length}),(before==="lost"||before==="static")&&greet(),
emit("live",remote.live)}async function reveal(id,takeFocus=!0){try{let{index}=await app.request("reveal",{row:id});if(index==null)
return app.say("It is not among the rows that are shown.");await grid.cache.jump(index),grid.goTo(index,-1,{takeFocus})}catch(error){
app.warn(error.message)}}async function giveLine({id},isCopied=!1){try{let{line}=await app.request("shown",{row:id});isCopied||!findLab()?.
insert(line)?await copyText(app,line):app.say("It is in the notebook.")}catch(error){app.warn(error.message)}}function showPane(isShown){
let hadFocus=activeIn(side);side.hidden=!isShown,root.classList.toggle("cl-open",isShown),isShown?pane.show(app.focusedRow):hadFocus&&
app.focusGrid()}function startAddition(){showPane(!0),pane.startAddition()}on("focus",({id})=>{clearTimeout(settling),settling=setTimeout(
()=>{model.get("focused")!==id&&(isSettingFocus=!0,model.set("focused",id),isSettingFocus=!1,model.save_changes())},FOCUS_DELAY2)});
function followFocus(){let id=model.get("focused");!isSettingFocus&&id&&id!==grid.cursor.id&&reveal(id,!1)}let listeners=[["change\
:_problem",()=>model.get("_problem")&&grid.cache.restart(!1)],["change:focused",followFocus],...QUERY_TRAITS.map(name=>[`change:${name}`,
()=>grid.cache.restart(!0)])];function end(){for(let[event,listener]of listeners)model.off(event,listener);remote.end(),grid.stop()}
for(let[event,listener]of listeners)model.on(event,listener);root.addEventListener("focusin",event=>targetOf(event).setAttribute(KEYS_ATTRIBUTE,
"true")),root.append(createToolbar(app).el,banner.el,el("div",{class:"cl-split"},grid.el,side),announcer.el),grid.treegrid.setAttribute(
"aria-label",model.get("_state")?.title||"Block storage"),grid.treegrid.addEventListener("keydown",createKeys(app,grid)),createPointer(
app,grid);function start(){greet(),grid.fill(model.get("_state")??{})}return{el:root,start,end}}function createEvents(){let listeners={};
return{on(name,listener){listeners[name]??=[],listeners[name].push(listener)},emit(name,data){for(let listener of listeners[name]??
[])listener(data)}}}var WIDTHS2={panel:460,side:690},TITLE="Block storage",NO_PANEL="There is no panel for the tree here: it needs JupyterLab, with cl\
_notebook installed where JupyterLab is. Load the page again after that.",FRESH=600,panels=new Map;function hasPlace(model){let isFresh=Math.
abs(Date.now()/1e3-(model.get("_state")?.at??0))<FRESH;return!!model.get("_place")&&(isFresh||panels.has(model.get("_key")))}function openPanel(model,style){
let place=model.get("_place"),key=model.get("_key"),lab=findLab();if(!place||!lab||panels.has(key))return panels.get(key)?.close;let app=createApp(
model),title=model.get("_state")?.title||TITLE,close=iconButton("Close the panel","close",()=>panel.close()),head=el("div",{class:"\
cl-place"},el("span",{text:title}),close),isLeft=place==="panel",node=el("div",{class:"cl-panel"},el("style",{text:style}),isLeft?
head:null,app.el),onClose=()=>{panels.delete(key),app.end()},id=isLeft?"cl-notebook-panel":`cl-notebook-${key}`,panel=lab.open({id,
title,node,isLeft,width:WIDTHS2[place],onClose});return panels.set(key,panel),app.start(),panel.close}function createNotice(model,style){
if(!findLab())return el("div",{class:"cl-place",role:"note",text:NO_PANEL});let where=model.get("_place")==="panel"?"at the left s\
ide":"beside the notebook",show=makeButton("Show it",()=>{openPanel(model,style),panels.get(model.get("_key"))?.show()});return el(
"div",{class:"cl-place"},el("span",{text:`The tree stands ${where}.`}),show)}function hidingStyle(key){let copy=`[data-cl-tree="${CSS.escape(key)}"]`,around=[".jp-OutputArea-child",".output_area"].map(box=>`${box}\
:has(${copy}):not(:has(.cl-live))`);return key?`${[copy,...around].join()}{display:none!important}`:""}function initialize({model,
signal}){let close=hasPlace(model)?openPanel(model,widget.style):null;if(close&&(signal?.addEventListener("abort",close,{once:!0}),
!signal))return close}function render({model,el:parent,signal}){let isPlaced=hasPlace(model),app=!isPlaced||!findLab()?createApp(model):
null,hiding=el("style"),hideCopy=()=>{hiding.textContent=hidingStyle(model.get("_key")??"")},end=()=>{model.off("change:_key",hideCopy),
app?.end()};return model.on("change:_key",hideCopy),hideCopy(),parent.append(el("style",{text:widget.style})),isPlaced&&parent.append(
createNotice(model,widget.style)),app&&app.el.append(hiding),parent.append(app?app.el:hiding),app?.start(),signal?.addEventListener(
"abort",end,{once:!0}),signal?void 0:end}var widget={initialize,render,style:""},tree_default=widget;export{tree_default as default};
